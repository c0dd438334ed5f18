"""Texts that stand for values on the wire: uuids, dates, durations and so on."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date, time

from .scalars import read_instant

__all__ = ["is_wire_text"]

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ISO_DURATION = re.compile(
    r"P(?=.)(?:[0-9]{1,6}W)?(?:[0-9]{1,6}D)?"
    r"(?:T(?=.)(?:[0-9]{1,6}H)?(?:[0-9]{1,6}M)?(?:[0-9]{1,9}(?:\.[0-9]{1,6})?S)?)?"
)
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def is_wire_text(name: str, text: str) -> bool:
    """Tell whether a text is a value of a built-in type that is a text on the wire."""
    match name:
        case "string":
            return True
        case "decimal":
            return _DECIMAL.fullmatch(text) is not None
        case "uuid":
            return _UUID.fullmatch(text) is not None
        case "date":
            return _converts(date.fromisoformat, text) and len(text) == len("2024-05-01")
        case "time":
            return _TIME.fullmatch(text) is not None and _converts(time.fromisoformat, text)
        case "datetime":
            return read_instant(text) is not None
        case "duration":
            return _ISO_DURATION.fullmatch(text) is not None
        case "bytes":
            return _converts(lambda value: base64.b64decode(value, validate=True), text)
        case "email":
            return _EMAIL.fullmatch(text) is not None and _is_email(text)
        case _:
            return _URI.fullmatch(text) is not None


def _converts(convert: Callable[[str], object], text: str) -> bool:
    try:
        convert(text)
    except (ValueError, binascii.Error):
        return False
    return True


def _is_email(text: str) -> bool:
    from pydantic import validate_email
    from pydantic_core import PydanticCustomError

    try:
        validate_email(text)
    except PydanticCustomError:
        return False
    return True
