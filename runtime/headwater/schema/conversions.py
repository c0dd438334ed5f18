"""Named pairs of conversions between field types, as they are on the wire (JSON).

Each has a way back, another pair's name. The generator checks an op `convert` against the types
named here; the functions run wherever events are upcast, in the generator's proofs and in services.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import MAX_PREC, Context, Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

__all__ = ["CONVERSIONS", "Conversion"]

Value = Any  # of JSON


@dataclass(frozen=True, slots=True)
class Conversion:
    """One direction of a pair.

    `function` raises `ValueError`, `TypeError` or `ArithmeticError` for a value it cannot convert.
    """

    name: str
    source: str
    """The scalar type that it takes."""
    target: str
    """The scalar type that it makes."""
    back: str
    """Name of the conversion that undoes it."""
    function: Callable[[Value], Value]
    loss: str = ""
    """What a value loses on the way there and back, in words; empty if it comes back as it was."""
    refuses: str = ""
    """Which values of `source` have no result, in words; empty if all have."""


def _string_to_int(text: str) -> int:
    number = int(text)
    if str(number) != text:
        raise ValueError(f"{text!r} is not a whole number in its usual form")
    return number


def _string_to_float(text: str) -> float:
    number = float(text)
    if number != number or number in {float("inf"), float("-inf")}:
        raise ValueError(f"{text!r} is not a finite number")
    return number


def _string_to_bool(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"{text!r} is neither 'true' nor 'false'")
    return text == "true"


def _bool_to_string(value: bool) -> str:
    return "true" if value else "false"


def _string_to_decimal(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a decimal number")
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HUNDRED = Decimal(100)
_UNROUNDED = Context(prec=MAX_PREC)  # the usual one rounds to 28 digits
_HUNDREDTHS = ("", *(f".{minor:02}".rstrip("0") for minor in range(1, 100)))
"""As they stand after a whole number: nothing, ".01", ".02"... ".1"... ".99"."""
_FARTHEST = 10**15  # seconds or milliseconds; beyond, Python's own arithmetic gives up
_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)


def _seconds_after_epoch(seconds: int) -> str:
    return _written(_EPOCH + _bounded(seconds) * _SECOND)


def _milliseconds_after_epoch(milliseconds: int) -> str:
    return _written(_EPOCH + _bounded(milliseconds) * _MILLISECOND)


def _seconds_since_epoch(text: str) -> int:
    return (_moment(text) - _EPOCH) // _SECOND


def _milliseconds_since_epoch(text: str) -> int:
    return (_moment(text) - _EPOCH) // _MILLISECOND


def _bounded(number: int) -> int:
    # timedelta itself refuses what is larger, with an OverflowError.
    if abs(number) > _FARTHEST:
        raise ValueError(f"{number} is no moment that can be written")
    return number


def _decimal_to_minor_units(text: str) -> int:
    minor = _UNROUNDED.multiply(Decimal(text), _HUNDRED)
    if minor != minor.to_integral_value():
        raise ValueError(f"{text} has more than two decimal places")
    return int(minor)


def _minor_units_to_decimal(minor: int) -> str:
    if minor < 0:
        return f"-{_minor_units_to_decimal(-minor)}"
    return f"{minor // 100}{_HUNDREDTHS[minor % 100]}"


def _float_to_int(number: float) -> int:
    if number != int(number):
        raise ValueError(f"{number} is not a whole number")
    return int(number)


def _decimal_to_int(text: str) -> int:
    number = Decimal(text)
    if number != number.to_integral_value():
        raise ValueError(f"{text} is not a whole number")
    return int(number)


def _date_of(text: str) -> str:
    return _moment(text).astimezone(UTC).date().isoformat()


def _midnight(text: str) -> str:
    day = date.fromisoformat(text)
    return _written(datetime(day.year, day.month, day.day, tzinfo=UTC))


_USUAL_FORM = "how it was written"

_PAIRS = (
    Conversion("int_to_string", "int", "string", "string_to_int", str),
    Conversion(
        "string_to_int",
        "string",
        "int",
        "int_to_string",
        _string_to_int,
        refuses="a text that is no whole number",
    ),
    Conversion("float_to_string", "float", "string", "string_to_float", repr),
    Conversion(
        "string_to_float",
        "string",
        "float",
        "float_to_string",
        _string_to_float,
        loss=_USUAL_FORM,
        refuses="a text that is no number",
    ),
    Conversion("bool_to_string", "bool", "string", "string_to_bool", _bool_to_string),
    Conversion(
        "string_to_bool",
        "string",
        "bool",
        "bool_to_string",
        _string_to_bool,
        refuses="a text that is neither true nor false",
    ),
    Conversion("decimal_to_string", "decimal", "string", "string_to_decimal", str),
    Conversion(
        "string_to_decimal",
        "string",
        "decimal",
        "decimal_to_string",
        _string_to_decimal,
        refuses="a text that is no decimal number",
    ),
    Conversion("int_to_decimal", "int", "decimal", "decimal_to_int", str),
    Conversion(
        "decimal_to_int",
        "decimal",
        "int",
        "int_to_decimal",
        _decimal_to_int,
        loss=_USUAL_FORM,
        refuses="a fraction",
    ),
    Conversion(
        "int_to_float",
        "int",
        "float",
        "float_to_int",
        float,
        loss="digits beyond the precision of a float",
    ),
    Conversion(
        "float_to_int",
        "float",
        "int",
        "int_to_float",
        _float_to_int,
        loss=_USUAL_FORM,
        refuses="a fraction",
    ),
    Conversion(
        "minor_units_to_decimal",
        "int",
        "decimal",
        "decimal_to_minor_units",
        _minor_units_to_decimal,
    ),
    Conversion(
        "decimal_to_minor_units",
        "decimal",
        "int",
        "minor_units_to_decimal",
        _decimal_to_minor_units,
        loss=_USUAL_FORM,
        refuses="more than two decimal places",
    ),
    Conversion(
        "epoch_to_datetime",
        "int",
        "datetime",
        "datetime_to_epoch",
        _seconds_after_epoch,
        refuses="a moment before the year 1 or after 9999",
    ),
    Conversion(
        "datetime_to_epoch",
        "datetime",
        "int",
        "epoch_to_datetime",
        _seconds_since_epoch,
        loss="what is below a second, and its zone",
    ),
    Conversion(
        "epoch_ms_to_datetime",
        "int",
        "datetime",
        "datetime_to_epoch_ms",
        _milliseconds_after_epoch,
        refuses="a moment before the year 1 or after 9999",
    ),
    Conversion(
        "datetime_to_epoch_ms",
        "datetime",
        "int",
        "epoch_ms_to_datetime",
        _milliseconds_since_epoch,
        loss="what is below a millisecond, and its zone",
    ),
    Conversion("date_to_datetime", "date", "datetime", "datetime_to_date", _midnight),
    Conversion(
        "datetime_to_date",
        "datetime",
        "date",
        "date_to_datetime",
        _date_of,
        loss="the time of day, and its zone",
        refuses="a moment that is before the year 1 or after 9999 in UTC",
    ),
    Conversion("uuid_to_string", "uuid", "string", "string_to_uuid", str),
    Conversion(
        "string_to_uuid", "string", "uuid", "uuid_to_string", str, refuses="a text that is no uuid"
    ),
    Conversion("email_to_string", "email", "string", "string_to_email", str),
    Conversion(
        "string_to_email",
        "string",
        "email",
        "email_to_string",
        str,
        refuses="a text that is no email address",
    ),
    Conversion("uri_to_string", "uri", "string", "string_to_uri", str),
    Conversion(
        "string_to_uri", "string", "uri", "uri_to_string", str, refuses="a text that is no URI"
    ),
)

CONVERSIONS: Mapping[str, Conversion] = MappingProxyType({one.name: one for one in _PAIRS})
"""Every conversion by name. A text that
is no uuid, email or uri is noticed when the event is validated."""
