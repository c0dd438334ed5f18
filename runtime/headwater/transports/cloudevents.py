"""Events as they travel: CloudEvents 1.0 in binary mode, and back, whatever comes.

The attributes are headers that start with `cloudEvents_`, as the AMQP binding of CloudEvents has
them; beside them stand the four plain headers `event-type`, `event-version`, `correlation-id` and
`timestamp`, for consumers that know nothing of CloudEvents. The body is the event's JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from headwater.errors import MalformedMessageError
from headwater.events import Metadata, RecordedEvent

from .broker import Arrival, HeaderValue, Message, Topic

__all__ = ["MAX_BODY", "MAX_HEADERS", "from_arrival", "source_of", "to_message"]

PREFIX = "cloudEvents_"
MAX_BODY = 1 << 20  # bytes
MAX_HEADERS = 8 << 10  # bytes, names and values together
MAX_NUMBER_OF_HEADERS = 64
MAX_DEPTH = 64
MAX_TEXT = 255  # characters of a name, an id or a key
NUMBER = re.compile(r"[0-9]{1,18}")
STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def source_of(topic: Topic) -> str:
    """The topic as CloudEvents' `source`."""
    return f"/{topic.service}/{topic.stream}"


def to_message(topic: Topic, event: RecordedEvent) -> Message:
    """The event as it travels."""
    recorded_at = event.recorded_at.isoformat()
    headers: dict[str, HeaderValue] = {
        "event-type": event.name,
        "event-version": event.version,
        "correlation-id": event.workflow_id,
        "timestamp": recorded_at,
        f"{PREFIX}specversion": "1.0",
        f"{PREFIX}id": str(event.id),
        f"{PREFIX}source": source_of(topic),
        f"{PREFIX}type": event.name,
        f"{PREFIX}subject": event.workflow_id,
        f"{PREFIX}time": recorded_at,
        f"{PREFIX}eventversion": event.version,
        f"{PREFIX}streamoffset": str(event.offset),
    }
    happened_at = event.metadata.occurred_at
    more = {
        "workflow": event.workflow,
        "workflowversion": None if event.workflow is None else str(event.workflow_version),
        "command": event.metadata.command,
        "requestid": event.metadata.request_id,
        "occurredat": None if happened_at is None else happened_at.isoformat(),
    }
    headers |= {f"{PREFIX}{name}": value for name, value in more.items() if value is not None}
    return Message(
        event=event.name, workflow_id=event.workflow_id, headers=headers, body=event.data
    )


def from_arrival(topic: Topic, arrival: Arrival) -> RecordedEvent:
    """The event that came from the topic. Its stream and offset are the publisher's.

    Raises:
        MalformedMessageError: It is no event of that topic: its headers or its body are not what
            an event's are, or above a limit. Nothing of it was trusted.
    """
    headers = _Headers(arrival.headers)
    if arrival.content_type not in {None, "application/json"}:
        raise MalformedMessageError("its content type is not application/json")
    if (version := headers.text("specversion")) != "1.0":
        raise MalformedMessageError(f"it is CloudEvents {version[:20]!r}, not 1.0")
    if headers.text("source") != source_of(topic):
        raise MalformedMessageError(f"it does not come from {source_of(topic)}")
    _require_object(arrival.body)
    return RecordedEvent(
        stream=topic.stream,
        offset=headers.number("streamoffset"),
        id=headers.uuid("id"),
        name=headers.text("type"),
        version=headers.number("eventversion"),
        workflow=headers.optional("workflow"),
        workflow_id=headers.text("subject"),
        workflow_version=(
            headers.number("workflowversion") if headers.has("workflowversion") else None
        ),
        recorded_at=headers.time("time"),
        data=arrival.body,
        metadata=Metadata(
            command=headers.optional("command"),
            request_id=headers.optional("requestid"),
            occurred_at=headers.time("occurredat") if headers.has("occurredat") else None,
        ),
    )


class _Headers:
    """Attributes among headers of which nothing is known."""

    def __init__(self, headers: Mapping[str, object]) -> None:
        if len(headers) > MAX_NUMBER_OF_HEADERS:
            raise MalformedMessageError(f"it has more than {MAX_NUMBER_OF_HEADERS} headers")
        size = sum(len(name) + len(str(value)) for name, value in headers.items())
        if size > MAX_HEADERS:
            raise MalformedMessageError(f"its headers are larger than {MAX_HEADERS} bytes")
        self._headers = headers

    def has(self, name: str) -> bool:
        return f"{PREFIX}{name}" in self._headers

    def text(self, name: str) -> str:
        value = self._headers.get(f"{PREFIX}{name}")
        if value is None:
            raise MalformedMessageError(f"it has no {name}")
        if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT or "\0" in value:
            raise MalformedMessageError(f"its {name} is no text of 1 to {MAX_TEXT} characters")
        return value

    def optional(self, name: str) -> str | None:
        return self.text(name) if self.has(name) else None

    def number(self, name: str) -> int:
        value = self._headers.get(f"{PREFIX}{name}")
        if isinstance(value, str) and NUMBER.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 1 << 63:
            raise MalformedMessageError(f"its {name} is no whole number from 1 on")
        return value

    def uuid(self, name: str) -> UUID:
        try:
            return UUID(self.text(name))
        except ValueError:
            raise MalformedMessageError(f"its {name} is no UUID") from None

    def time(self, name: str) -> datetime:
        try:
            time = datetime.fromisoformat(self.text(name))
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            raise MalformedMessageError(f"its {name} is no time with a zone")
        return time


def _require_object(body: bytes) -> None:
    """See that the body is one JSON object that every store can hold."""
    if len(body) > MAX_BODY:
        raise MalformedMessageError(f"its body is larger than {MAX_BODY} bytes")
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise MalformedMessageError(f"its body is nested deeper than {MAX_DEPTH}")
    try:
        fields = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise MalformedMessageError("its body is not one JSON object, each key once")


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for byte in STRINGS.sub(b"", body):
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key comes twice")
    return fields


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
