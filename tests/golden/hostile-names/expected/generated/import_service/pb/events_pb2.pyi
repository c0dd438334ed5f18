# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from . import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ValueErrorV1(_message.Message):
    __slots__ = ("match", "type", "self", "cls", "model_config", "model_dump", "model_fields", "schema", "json", "copy", "dict", "list", "str", "int", "date", "datetime", "uuid", "event_name", "event_version", "terminal", "field", "any", "validate", "construct", "print")
    CLASS_FIELD_NUMBER: _ClassVar[int]
    DEF_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SELF_FIELD_NUMBER: _ClassVar[int]
    CLS_FIELD_NUMBER: _ClassVar[int]
    MODEL_CONFIG_FIELD_NUMBER: _ClassVar[int]
    MODEL_DUMP_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELDS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    COPY_FIELD_NUMBER: _ClassVar[int]
    DICT_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    STR_FIELD_NUMBER: _ClassVar[int]
    INT_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    DATETIME_FIELD_NUMBER: _ClassVar[int]
    UUID_FIELD_NUMBER: _ClassVar[int]
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    EVENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    ANY_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_FIELD_NUMBER: _ClassVar[int]
    CONSTRUCT_FIELD_NUMBER: _ClassVar[int]
    PRINT_FIELD_NUMBER: _ClassVar[int]
    ASYNC_FIELD_NUMBER: _ClassVar[int]
    match: str
    type: str
    self: str
    cls: str
    model_config: str
    model_dump: str
    model_fields: str
    schema: str
    json: str
    copy: str
    dict: _types_pb2.DictV1
    list: _types_pb2.ListV1
    str: str
    int: int
    date: str
    datetime: str
    uuid: str
    event_name: str
    event_version: int
    terminal: bool
    field: _types_pb2.FieldV1
    any: _types_pb2.AnyV1
    validate: str
    construct: str
    print: str
    def __init__(self_, match: _Optional[str] = ..., type: _Optional[str] = ..., self: _Optional[str] = ..., cls: _Optional[str] = ..., model_config: _Optional[str] = ..., model_dump: _Optional[str] = ..., model_fields: _Optional[str] = ..., schema: _Optional[str] = ..., json: _Optional[str] = ..., copy: _Optional[str] = ..., dict: _Optional[_Union[_types_pb2.DictV1, _Mapping]] = ..., list: _Optional[_Union[_types_pb2.ListV1, str]] = ..., str: _Optional[str] = ..., int: _Optional[int] = ..., date: _Optional[str] = ..., datetime: _Optional[str] = ..., uuid: _Optional[str] = ..., event_name: _Optional[str] = ..., event_version: _Optional[int] = ..., terminal: _Optional[bool] = ..., field: _Optional[_Union[_types_pb2.FieldV1, _Mapping]] = ..., any: _Optional[_Union[_types_pb2.AnyV1, _Mapping]] = ..., validate: _Optional[str] = ..., construct: _Optional[str] = ..., print: _Optional[str] = ..., **kwargs) -> None: ...

class EventV1(_message.Message):
    __slots__ = ("event", "print")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    PRINT_FIELD_NUMBER: _ClassVar[int]
    event: str
    print: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, event: _Optional[str] = ..., print: _Optional[_Iterable[str]] = ...) -> None: ...

class AnnotatedV1(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ClassVarV1(_message.Message):
    __slots__ = ("literal",)
    LITERAL_FIELD_NUMBER: _ClassVar[int]
    literal: str
    def __init__(self, literal: _Optional[str] = ...) -> None: ...

class PersonalV1(_message.Message):
    __slots__ = ("email",)
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    email: str
    def __init__(self, email: _Optional[str] = ...) -> None: ...
