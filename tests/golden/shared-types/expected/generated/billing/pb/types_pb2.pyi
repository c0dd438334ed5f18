# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CurrencyV1(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CURRENCY_V1_UNSPECIFIED: _ClassVar[CurrencyV1]
    CURRENCY_V1_EUR: _ClassVar[CurrencyV1]
    CURRENCY_V1_USD: _ClassVar[CurrencyV1]
CURRENCY_V1_UNSPECIFIED: CurrencyV1
CURRENCY_V1_EUR: CurrencyV1
CURRENCY_V1_USD: CurrencyV1

class MoneyV1(_message.Message):
    __slots__ = ("amount", "currency")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    amount: str
    currency: CurrencyV1
    def __init__(self, amount: _Optional[str] = ..., currency: _Optional[_Union[CurrencyV1, str]] = ...) -> None: ...

class InvoiceLineV1(_message.Message):
    __slots__ = ("text", "total")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    text: str
    total: MoneyV1
    def __init__(self, text: _Optional[str] = ..., total: _Optional[_Union[MoneyV1, _Mapping]] = ...) -> None: ...
