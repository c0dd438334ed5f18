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

class CurrencyInput(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CURRENCY_INPUT_UNSPECIFIED: _ClassVar[CurrencyInput]
    CURRENCY_INPUT_EUR: _ClassVar[CurrencyInput]
    CURRENCY_INPUT_USD: _ClassVar[CurrencyInput]
CURRENCY_INPUT_UNSPECIFIED: CurrencyInput
CURRENCY_INPUT_EUR: CurrencyInput
CURRENCY_INPUT_USD: CurrencyInput

class MoneyInput(_message.Message):
    __slots__ = ("amount", "currency")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    amount: str
    currency: CurrencyInput
    def __init__(self, amount: _Optional[str] = ..., currency: _Optional[_Union[CurrencyInput, str]] = ...) -> None: ...

class SellItemCommand(_message.Message):
    __slots__ = ("sku", "price")
    SKU_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    sku: str
    price: MoneyInput
    def __init__(self, sku: _Optional[str] = ..., price: _Optional[_Union[MoneyInput, _Mapping]] = ...) -> None: ...
