# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ListV1(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIST_V1_UNSPECIFIED: _ClassVar[ListV1]
    LIST_V1_NONE: _ClassVar[ListV1]
    LIST_V1_TRUE: _ClassVar[ListV1]
    LIST_V1_CLASS: _ClassVar[ListV1]
    LIST_V1_MRO: _ClassVar[ListV1]
    LIST_V1_NAME: _ClassVar[ListV1]
    LIST_V1_VALUE: _ClassVar[ListV1]
LIST_V1_UNSPECIFIED: ListV1
LIST_V1_NONE: ListV1
LIST_V1_TRUE: ListV1
LIST_V1_CLASS: ListV1
LIST_V1_MRO: ListV1
LIST_V1_NAME: ListV1
LIST_V1_VALUE: ListV1

class DictV1(_message.Message):
    __slots__ = ("keys", "items", "list")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    keys: str
    items: int
    list: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, keys: _Optional[str] = ..., items: _Optional[int] = ..., list: _Optional[_Iterable[str]] = ...) -> None: ...

class FieldV1(_message.Message):
    __slots__ = ("annotation",)
    ANNOTATION_FIELD_NUMBER: _ClassVar[int]
    annotation: str
    def __init__(self, annotation: _Optional[str] = ...) -> None: ...

class AnyV1(_message.Message):
    __slots__ = ("any",)
    ANY_FIELD_NUMBER: _ClassVar[int]
    any: str
    def __init__(self, any: _Optional[str] = ...) -> None: ...
