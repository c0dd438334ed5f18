# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
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

class InvoiceLineInput(_message.Message):
    __slots__ = ("text", "total")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    text: str
    total: MoneyInput
    def __init__(self, text: _Optional[str] = ..., total: _Optional[_Union[MoneyInput, _Mapping]] = ...) -> None: ...

class SendInvoiceCommand(_message.Message):
    __slots__ = ("lines", "currency")
    LINES_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[InvoiceLineInput]
    currency: CurrencyInput
    def __init__(self, lines: _Optional[_Iterable[_Union[InvoiceLineInput, _Mapping]]] = ..., currency: _Optional[_Union[CurrencyInput, str]] = ...) -> None: ...

class PayInvoiceCommand(_message.Message):
    __slots__ = ("invoice_id", "paid")
    INVOICE_ID_FIELD_NUMBER: _ClassVar[int]
    PAID_FIELD_NUMBER: _ClassVar[int]
    invoice_id: str
    paid: MoneyInput
    def __init__(self, invoice_id: _Optional[str] = ..., paid: _Optional[_Union[MoneyInput, _Mapping]] = ...) -> None: ...
