"""Q7: messages that are none of ours, or come back again and again, are set aside once.

Whoever may publish to an exchange can send anything. Each message of the table has its answer, what
is ours flows on, and the broker hands nothing out for ever.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from aiormq.abc import ChannelFrame
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.frame import marshal

from tests.faults.across import Across
from tests.faults.databases import on_both
from tests.faults.report import Progress

pytestmark = pytest.mark.row("Q7")

MIB = 1 << 20


@dataclass(frozen=True)
class Foreign:
    """A message, as it differs from one of ours."""

    what: str
    reason: str
    """In the log, when it is set aside."""
    headers: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    body: bytes = b'{"mark":"foreign","behave":"","owner":"x"}'
    properties: Mapping[str, Any] = field(default_factory=dict)

    def message(self) -> aio_pika.Message:
        headers = {**ours(), **self.headers}
        for name in self.without:
            del headers[name]
        properties = {"content_type": "application/json", **self.properties}
        return aio_pika.Message(
            self.body,
            headers=headers,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            **properties,
        )


def ours() -> dict[str, Any]:
    """Headers of an event of ours."""
    now = datetime.now(UTC).isoformat()
    return {
        "event-type": "Entered",
        "event-version": 1,
        "correlation-id": "account-1",
        "timestamp": now,
        "cloudEvents_specversion": "1.0",
        "cloudEvents_id": str(uuid4()),
        "cloudEvents_source": "/ledger/entries",
        "cloudEvents_type": "Entered",
        "cloudEvents_subject": "account-1",
        "cloudEvents_time": now,
        "cloudEvents_eventversion": 1,
        "cloudEvents_streamoffset": "1",
    }


NO_OBJECT = "its body is not one JSON object, each key once"
FOREIGN = (
    Foreign("another content type", "its content type is", properties={"content_type": "text/xml"}),
    Foreign(
        "compressed", NO_OBJECT, body=b"\x1f\x8b\x08\x00", properties={"content_encoding": "gzip"}
    ),
    Foreign("no type", "it has no type", without=("cloudEvents_type",)),
    Foreign("no headers of ours", "it has no specversion", without=tuple(ours())),
    Foreign(
        "another CloudEvents", "is CloudEvents '0.3', not 1.0", {"cloudEvents_specversion": "0.3"}
    ),
    Foreign(
        "another service's",
        "it does not come from /ledger",
        {"cloudEvents_source": "/shop/entries"},
    ),
    Foreign("no UUID", "its id is no UUID", {"cloudEvents_id": "1"}),
    Foreign("no time", "its time is no time with a zone", {"cloudEvents_time": "yesterday"}),
    Foreign(
        "a time without a zone",
        "its time is no time with",
        {"cloudEvents_time": "2024-01-01T00:00:00"},
    ),
    Foreign("version 0", "its eventversion is no whole number", {"cloudEvents_eventversion": 0}),
    Foreign(
        "version true", "its eventversion is no whole number", {"cloudEvents_eventversion": True}
    ),
    Foreign(
        "a huge version", "its eventversion is no whole", {"cloudEvents_eventversion": "9" * 30}
    ),
    Foreign(
        "a table as type",
        "its type is no text",
        {"cloudEvents_type": {"a": [1, {"b": bytearray(b"\xff")}]}},
    ),
    Foreign("bytes as type", "its type is no text", {"cloudEvents_type": bytearray(b"\xff\x00")}),
    Foreign(
        "a decimal as offset",
        "its streamoffset is no",
        {"cloudEvents_streamoffset": Decimal("1.5")},
    ),
    Foreign("NUL in an id", "its subject is no text", {"cloudEvents_subject": "account\0"}),
    Foreign("a long id", "its subject is no text", {"cloudEvents_subject": "x" * 300}),
    Foreign("many headers", "more than 64 headers", {f"x{number}": 1 for number in range(200)}),
    Foreign("large headers", "headers are larger than", {"x": "y" * 20_000}),
    Foreign("no body", NO_OBJECT, body=b""),
    Foreign("a tombstone", NO_OBJECT, body=b"null"),
    Foreign("truncated", NO_OBJECT, body=b'{"mark": "for'),
    Foreign("trailing bytes", NO_OBJECT, body=b'{"mark": "x"}}'),
    Foreign("no UTF-8", NO_OBJECT, body=b'{"mark": "\xff"}'),
    Foreign("a key twice", NO_OBJECT, body=b'{"mark": "x", "mark": "y"}'),
    Foreign("not a number", NO_OBJECT, body=b'{"mark": NaN}'),
    Foreign("a huge number", NO_OBJECT, body=b'{"mark": ' + b"9" * 10_000 + b"}"),
    Foreign("deep", "nested deeper than 64", body=b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    Foreign("large", f"larger than {MIB} bytes", body=b'{"mark": "' + b"x" * MIB + b'"}'),
)
FORGED: Mapping[str, Any] = {
    "x-death": [{"count": 10_000, "reason": "expired", "queue": "any"}],
    "x-delivery-count": 10_000,
    "x-first-death-queue": "any",
    "cloudEvents_tenant": "somebody else",
}
"""Headers that say what only the broker can say, or nobody: they are ignored."""


def table(name: bytes, value: bytes) -> bytes:
    body = bytes([len(name)]) + name + value
    return struct.pack(">I", len(body)) + body


def nested(depth: int) -> bytes:
    inner = table(b"a", b"t\x01")
    for _ in range(depth):
        inner = table(b"a", b"F" + inner)
    return inner


UNREADABLE = {
    "a time in the year 292278994": table(b"when", b"T" + struct.pack(">Q", 1 << 63)),
    "a name that is no text": table(b"\xff\xfe", b"t\x01"),
    "tables in tables": nested(3_000),
}
"""Headers that the broker passes on and the driver cannot decode."""


def publish(across: Across, *messages: aio_pika.Message) -> None:
    """From outside, past everything of ours."""

    async def send() -> None:
        async with await aio_pika.connect(across.broker.url) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(across.exchange)
            for message in messages:
                await exchange.publish(message, routing_key="whatever")

    asyncio.run(send())


def publish_raw(across: Across, *headers: bytes) -> None:
    """Messages with headers that no driver would write."""

    async def send() -> None:
        async with await aio_pika.connect(across.broker.url) as connection:
            channel = await connection.channel(publisher_confirms=False)
            underlying = await channel.get_underlay_channel()
            for one in headers:
                number = underlying.number
                content = struct.pack(">HHQH", 60, 0, 2, 1 << 13 | 1 << 12) + one + b"\x02"
                frame = struct.pack(">BHI", 2, number, len(content)) + content + b"\xce"
                method = commands.Basic.Publish(exchange=across.exchange, routing_key="raw")
                payload = marshal(method, number) + frame + marshal(ContentBody(b"{}"), number)
                await underlying.write_queue.put(ChannelFrame(payload, should_close=False))
            await channel.declare_queue(exclusive=True)  # what was sent before is there by now

    asyncio.run(send())


@on_both
def test_what_is_none_of_ours_is_set_aside_once_with_its_reason_and_the_others_flow(
    across: Across, progress: Progress, whole: bool
) -> None:
    rounds = 1_000 // len(FOREIGN) + 1 if whole else 1
    world = across.world
    producer = across.start_producer(tasks=2, pause=0.01)
    carriers = [across.start_relay(), across.start_ingest(), across.start_reader()]
    across.until_ready()
    for done in range(rounds):
        progress(done, rounds, "rounds")
        publish(across, *(one.message() for one in FOREIGN))
        across.until_more_is_taken_in(1)
    world.tell("foreign message", rounds * len(FOREIGN))
    world.until_noted(rounds * len(FOREIGN), action="aside", kind="info")
    producer.kill()
    across.drain(*carriers)

    set_aside = rounds * len(FOREIGN)
    letters = f"{across.queue}.dead-letters"
    world.until(lambda: across.waiting(letters) == set_aside, "all are dead letters")
    across.assert_all_held(faults={"foreign message": set_aside}, set_aside=set_aside)
    reasons = [line.note for line in world.history() if line.action == "aside"]
    for number, one in enumerate(FOREIGN):
        assert one.reason in reasons[number], f"{one.what}: {reasons[number]}"


@on_both
def test_what_the_driver_cannot_read_is_set_aside_and_does_not_end_every_connection(
    across: Across, whole: bool
) -> None:
    world = across.world
    producer = across.start_producer(tasks=2, pause=0.01)
    carriers = [across.start_relay(), across.start_ingest(), across.start_reader()]
    across.until_ready()
    across.until_more_is_taken_in(5)
    publish_raw(across, *UNREADABLE.values())
    world.tell("unreadable message", len(UNREADABLE))
    world.until_noted(len(UNREADABLE), action="aside", kind="info")
    across.until_more_is_taken_in(5)
    producer.kill()
    across.drain(*carriers)

    across.assert_all_held(
        faults={"unreadable message": len(UNREADABLE)}, set_aside=len(UNREADABLE)
    )


@on_both
def test_forged_counts_and_headers_of_others_change_nothing(across: Across) -> None:
    """They are events of the stream all the same, for whoever may publish to it can say so."""
    world = across.world
    ingest = across.start_ingest()
    across.until_ready()
    body = b'{"mark":"forged","behave":"","owner":"x"}'
    forged = Foreign("forged", "", FORGED, body=body, properties={"reply_to": "any"})
    message = forged.message()
    publish(across, message, message)  # the same id: one event

    world.until(lambda: across.taken_in() == 1, "it is taken in")
    world.until(lambda: across.arrived() == 2, "both have come")
    other = Foreign("another with its id", "", dict(message.headers), body=b'{"mark":"other"}')
    publish(across, other.message())
    world.until_noted(1, action="aside", kind="info")
    ingest.ask_to_stop()
    assert ingest.wait() == 0
    assert across.taken_in() == 1
    assert "another event with the id" in world.logs()
