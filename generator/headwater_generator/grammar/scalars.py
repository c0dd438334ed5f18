"""What a text stands for: in YAML 1.1 and 1.2, in JSON, as a duration, as a time."""

from __future__ import annotations

import math
import re
from datetime import datetime

from ..load import Mapping, Node, Refused, Scalar, Sequence
from .declare import JSON

__all__ = [
    "JSON_NUMBER",
    "MAX_DURATION_DAYS",
    "MAX_INT",
    "WHOLE_NUMBER",
    "duration_seconds",
    "is_bearable",
    "json_number",
    "json_value",
    "read_instant",
    "size_bytes",
    "yaml_meaning",
]

WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)")
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")

# The longest first where one could hide another. `y` and `n` are left out: no loader that is in
# use reads them as booleans, and coordinates are called so.
_MEANINGS = (
    (re.compile(r"|~|null|Null|NULL"), "nothing"),
    (
        re.compile(
            r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|true|True|TRUE|false|False|FALSE",
        ),
        "a boolean",
    ),
    (
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9:.]+[ \t]*\S*)?"),
        "a date",
    ),
    (
        re.compile(
            r"""[-+]?(?:
                0b[01_]+ | 0o[0-7_]+ | 0x[0-9a-fA-F_]+
              | [0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?
              | (?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?
              | \.(?:inf|Inf|INF)
            )|\.(?:nan|NaN|NAN)""",
            re.VERBOSE,
        ),
        "a number",
    ),
    (re.compile(r"="), "a special value"),
)


def yaml_meaning(text: str) -> str | None:
    """Return what some YAML reader takes a plain text for, such as "a boolean"; None: a text."""
    if not text or text[0] in "~nNyYoOtTfF0123456789+-.=":
        for pattern, meaning in _MEANINGS:
            if pattern.fullmatch(text):
                return meaning
    return None


MAX_INT = 2**63 - 1  # whole numbers of a spec fit into 64 bits
MAX_DURATION_DAYS = 3650
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE = re.compile(r"([1-9][0-9]{0,8})(KiB|MiB|GiB|TiB)")
_BYTES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)


def json_number(text: str) -> int | float | None:
    """Return the number that JSON reads: infinity if none can hold it, None if there is none."""
    if not JSON_NUMBER.fullmatch(text):
        return None
    if WHOLE_NUMBER.fullmatch(text):
        # Python refuses to convert thousands of digits, and no number of a spec has so many.
        return int(text) if len(text) <= len(str(MAX_INT)) + 1 else math.inf
    return float(text)


def is_bearable(number: float) -> bool:
    """Tell whether a number is finite, and fits into 64 bits if it is whole."""
    if isinstance(number, int):
        return -MAX_INT - 1 <= number <= MAX_INT
    return math.isfinite(number)


def duration_seconds(text: str) -> float | None:
    """Return the seconds of a duration such as `100ms` or `90d`; None if it is none."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    if match[2] == "ms":
        return int(match[1]) / 1000
    return float(int(match[1]) * _SECONDS[match[2]])


def size_bytes(text: str) -> int | None:
    """Return the bytes of a size such as `64KiB` or `10GiB`; None if it is none."""
    match = _SIZE.fullmatch(text)
    return None if match is None else int(match[1]) * _BYTES[match[2]]


def read_instant(text: str) -> datetime | None:
    """Return a date and time as RFC 3339 writes it, with or without zone; None if it is none."""
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def json_value(node: Node) -> JSON:
    """Return what JSON would read."""
    match node:
        case Mapping(entries=entries):
            return {entry.key.text: json_value(entry.value) for entry in entries}
        case Sequence(items=items):
            return [json_value(item) for item in items]
        case Scalar(plain=False, text=text):
            return text
        case Refused():
            return None
        case Scalar(text=text):
            if text in {"", "~", "null"}:
                return None
            if text in {"true", "false"}:
                return text == "true"
            number = json_number(text)
            return text if number is None or not is_bearable(number) else number
