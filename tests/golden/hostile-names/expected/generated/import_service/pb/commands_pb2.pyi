# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ImportCommand(_message.Message):
    __slots__ = ("command_name",)
    CLASS_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NAME_FIELD_NUMBER: _ClassVar[int]
    command_name: str
    def __init__(self, command_name: _Optional[str] = ..., **kwargs) -> None: ...

class CommandCommand(_message.Message):
    __slots__ = ()
    LAMBDA_FIELD_NUMBER: _ClassVar[int]
    def __init__(self, **kwargs) -> None: ...

class YieldCommand(_message.Message):
    __slots__ = ()
    YIELD_FIELD_NUMBER: _ClassVar[int]
    def __init__(self, **kwargs) -> None: ...
