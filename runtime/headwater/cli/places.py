"""Where a replay starts and ends, as it is written on a command line."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from headwater.errors import ConfigurationError
from headwater.streams import (
    FromBeginning,
    FromEventId,
    FromLatest,
    FromOffset,
    FromTimestamp,
    Start,
    ToEventId,
    ToLatest,
    ToOffset,
    ToTimestamp,
    Until,
)

__all__ = ["parse_start", "parse_until"]

LARGEST_OFFSET = 2**63 - 1


def parse_start(text: str, option: str = "--from") -> Start:
    """Where `--from`, or an option of another name, starts.

    Raises:
        ConfigurationError: It is no place.
    """
    match _place(option, text):
        case "beginning":
            return FromBeginning()
        case "latest":
            return FromLatest()
        case int(offset):
            return FromOffset(offset)
        case datetime() as time:
            return FromTimestamp(time)
        case UUID() as event_id:
            return FromEventId(event_id)
    raise _not_a_place(option, text)


def parse_until(text: str) -> Until:
    """Where `--to` ends.

    Raises:
        ConfigurationError: It is no place, or nothing ends there.
    """
    match _place("--to", text):
        case "latest":
            return ToLatest()
        case int(offset):
            return ToOffset(offset)
        case datetime() as time:
            return ToTimestamp(time)
        case UUID() as event_id:
            return ToEventId(event_id)
    raise _not_a_place("--to", text)


def _place(option: str, text: str) -> str | int | datetime | UUID:
    if text in {"beginning", "latest"}:
        return text
    with suppress(ValueError):
        return UUID(text)
    if text.isascii() and text.isdecimal():
        if not 1 <= int(text[:20]) <= LARGEST_OFFSET:
            raise ConfigurationError(f"{option} {text}: the first event is at offset 1")
        return int(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise _not_a_place(option, text) from None
    if time.tzinfo is None:
        raise ConfigurationError(
            f"{option} {text}: say of which time zone, such as 2030-01-31T12:00:00Z"
        )
    return time


def _not_a_place(option: str, text: str) -> ConfigurationError:
    words = "beginning, latest" if option == "--from" else "latest"
    return ConfigurationError(
        f"{option} {text!r}: give {words}, an offset, an event's id, or a time such as "
        "2030-01-31T12:00:00Z"
    )
