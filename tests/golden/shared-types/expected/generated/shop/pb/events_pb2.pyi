# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from . import types_pb2 as _types_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ItemSoldV1(_message.Message):
    __slots__ = ("sku", "price")
    SKU_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    sku: str
    price: _types_pb2.MoneyV1
    def __init__(self, sku: _Optional[str] = ..., price: _Optional[_Union[_types_pb2.MoneyV1, _Mapping]] = ...) -> None: ...
