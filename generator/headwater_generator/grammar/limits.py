"""Constraints of fields, held against values as they are on the wire."""

from __future__ import annotations

import base64

from .declare import JSON
from .patterns import compile_pattern, pattern_fault

__all__ = ["meets"]


def meets(value: JSON, kind: str, name: str, limit: JSON) -> bool:
    """Tell whether a value of a kind (`list`, `map` or a type's name), as on the wire, meets a
    constraint; null meets all.
    """
    if value is None:
        return True
    value = _measured(value, kind)
    checks = _size_checks if isinstance(value, str | list | dict) else _number_checks
    if name in {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}:
        checks = _number_checks
    return checks(value, name, limit)


def _size_checks(value: JSON, name: str, limit: JSON) -> bool:
    if name == "pattern":
        if not isinstance(limit, str) or pattern_fault(limit):
            return True
        return isinstance(value, str) and compile_pattern(limit).matches(value)
    if name == "uniqueItems":
        return limit is not True or not isinstance(value, list) or _are_unique(value)
    if not isinstance(value, str | list | dict) or not isinstance(limit, int):
        return True
    return len(value) >= limit if name.startswith("min") else len(value) <= limit


def _are_unique(items: list[JSON]) -> bool:
    return all(item not in items[:index] for index, item in enumerate(items))


def _number_checks(value: JSON, name: str, limit: JSON) -> bool:
    from decimal import Decimal, InvalidOperation

    if isinstance(limit, str | list | dict | bool | None) or isinstance(value, list | dict | None):
        return True
    number, bound = Decimal(str(value)), Decimal(str(limit))
    match name:
        case "minimum":
            return number >= bound
        case "maximum":
            return number <= bound
        case "exclusiveMinimum":
            return number > bound
        case "exclusiveMaximum":
            return number < bound
        case _:
            try:
                return bound <= 0 or number % bound == 0
            except (
                InvalidOperation
            ):  # a quotient of more than 28 digits, which pydantic refuses too
                return False


def _measured(value: JSON, kind: str) -> JSON:
    """Return what a constraint measures: of bytes not their text in base64, but one text a byte."""
    if kind != "bytes" or not isinstance(value, str):
        return value
    return base64.b64decode(value).decode("latin-1")
