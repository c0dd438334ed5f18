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

class InvoiceSentV1(_message.Message):
    __slots__ = ("lines", "currency")
    LINES_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[_types_pb2.InvoiceLineV1]
    currency: _types_pb2.CurrencyV1
    def __init__(self, lines: _Optional[_Iterable[_Union[_types_pb2.InvoiceLineV1, _Mapping]]] = ..., currency: _Optional[_Union[_types_pb2.CurrencyV1, str]] = ...) -> None: ...

class InvoicePaidV1(_message.Message):
    __slots__ = ("paid",)
    PAID_FIELD_NUMBER: _ClassVar[int]
    paid: _types_pb2.MoneyV1
    def __init__(self, paid: _Optional[_Union[_types_pb2.MoneyV1, _Mapping]] = ...) -> None: ...
