"""Events as they travel, and what becomes of messages that are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from cloudevents.core.bindings.amqp import AMQPMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from headwater.errors import MalformedMessageError
from headwater.events import Metadata, RecordedEvent
from headwater.transports.broker import Arrival, Message, Topic
from headwater.transports.cloudevents import (
    MAX_BODY,
    MAX_HEADERS,
    from_arrival,
    to_message,
)

USERS = Topic("user-service", "users")
EVENT = RecordedEvent(
    stream="users",
    offset=7,
    id=UUID(int=5),
    name="UserAdded",
    version=2,
    workflow="User",
    workflow_id="user-1",
    workflow_version=3,
    recorded_at=datetime(2026, 3, 1, 12, 30, 15, 250_001, tzinfo=UTC),
    data=b'{"name": "Ada", "note": "{[{["}',
    metadata=Metadata(
        command="AddUser",
        request_id="request-1",
        occurred_at=datetime(2025, 1, 2, tzinfo=timezone(timedelta(hours=2))),
    ),
)
BARE = EVENT._replace(workflow=None, workflow_version=None, metadata=Metadata())


def arrival(message: Message, **changes: object) -> Arrival:
    headers: Mapping[str, object] = message.headers
    return replace(
        Arrival(1, headers, message.body, message.content_type),
        **changes,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("event", [EVENT, BARE], ids=["all", "bare"])
def test_an_event_arrives_as_it_was_recorded(event: RecordedEvent) -> None:
    assert from_arrival(USERS, arrival(to_message(USERS, event))) == event


def test_others_read_a_cloud_event() -> None:
    message = to_message(USERS, EVENT)

    amqp = AMQPMessage(
        properties={"content-type": message.content_type},
        application_properties=dict(message.headers),
        application_data=message.body,
    )
    event = from_binary(amqp, JSONFormat(), CloudEvent)

    assert event.get_id() == str(EVENT.id)
    assert event.get_type() == "UserAdded"
    assert event.get_source() == "/user-service/users"
    assert event.get_subject() == "user-1"
    assert event.get_time() == EVENT.recorded_at
    assert event.get_specversion() == "1.0"
    assert event.get_extension("eventversion") == 2
    assert event.get_data() == {"name": "Ada", "note": "{[{["}


def test_who_knows_nothing_of_cloud_events_finds_four_plain_headers() -> None:
    headers = to_message(USERS, EVENT).headers

    assert {name: headers[name] for name in headers if not name.startswith("cloudEvents_")} == {
        "event-type": "UserAdded",
        "event-version": 2,
        "correlation-id": "user-1",
        "timestamp": "2026-03-01T12:30:15.250001+00:00",
    }


NUMBER_OF_HEADERS = {f"x-{number}": "" for number in range(64)}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"cloudEvents_specversion": None}, "it has no specversion"),
        ({"cloudEvents_specversion": "0.3"}, "it is CloudEvents '0.3', not 1.0"),
        ({"cloudEvents_source": "/billing/users"}, "it does not come from /user-service/users"),
        ({"cloudEvents_id": "5"}, "its id is no UUID"),
        ({"cloudEvents_type": ""}, "its type is no text"),
        ({"cloudEvents_type": b"UserAdded"}, "its type is no text"),
        ({"cloudEvents_type": "a\0b"}, "its type is no text"),
        ({"cloudEvents_type": {"nested": []}}, "its type is no text"),
        ({"cloudEvents_subject": "x" * 256}, "its subject is no text of 1 to 255 characters"),
        ({"cloudEvents_eventversion": 0}, "its eventversion is no whole number from 1 on"),
        ({"cloudEvents_eventversion": True}, "its eventversion is no whole number from 1 on"),
        ({"cloudEvents_eventversion": "1e3"}, "its eventversion is no whole number from 1 on"),
        ({"cloudEvents_streamoffset": "9" * 30}, "its streamoffset is no whole number"),
        ({"cloudEvents_time": "yesterday"}, "its time is no time with a zone"),
        ({"cloudEvents_time": "2026-03-01T12:00:00"}, "its time is no time with a zone"),
        ({"cloudEvents_occurredat": 5}, "its occurredat is no text"),
        ({"x": "y" * MAX_HEADERS}, "its headers are larger than 8192 bytes"),
        (NUMBER_OF_HEADERS, "it has more than 64 headers"),
    ],
)
def test_headers_that_no_event_has_are_refused(headers: dict[str, object], reason: str) -> None:
    merged = {**to_message(USERS, EVENT).headers, **headers}
    given = {name: value for name, value in merged.items() if value is not None}

    with pytest.raises(MalformedMessageError) as caught:
        from_arrival(USERS, arrival(to_message(USERS, EVENT), headers=given))

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"a": 1',
        b'{"a": 1} {}',
        b'{"a": "\xff"}',
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": "' + b"x" * MAX_BODY + b'"}',
        b"\x80\x04\x95",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_bodies_that_no_event_has_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessageError, match="its body is"):
        from_arrival(USERS, arrival(to_message(USERS, EVENT), body=body))


def test_another_content_type_is_refused() -> None:
    with pytest.raises(MalformedMessageError, match="content type is not application/json"):
        from_arrival(USERS, arrival(to_message(USERS, EVENT), content_type="text/html"))


def test_braces_inside_of_texts_are_no_nesting() -> None:
    body = b'{"a": "' + b"{[" * 500 + b'\\"{{"}'
    found = from_arrival(USERS, arrival(to_message(USERS, EVENT), body=body))
    assert found.data == body
