"""What every transport promises, as cases for pytest: subclass `TransportContract`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Protocol
from uuid import uuid4

import pytest
from headwater.errors import BrokerUnavailableError
from headwater.transports.broker import Arrival, Intake, Message, Queue, Receipt, Topic, Transport

__all__ = ["TransportContract", "TransportUnderTest"]

DEADLINE = 20.0  # seconds, for what should take none


class TransportUnderTest(Protocol):
    """A broker, and ways to look at it from outside."""

    async def connect(self) -> Transport:
        """Another transport to the same broker, connected; whoever made it closes it."""

    async def dead_letters(self, queue: Queue, count: int) -> Sequence[bytes]:
        """The bodies of the first messages that were set aside, once there are so many."""


def topic() -> Topic:
    """One that no other case has used."""
    return Topic("user-service", f"users-{uuid4().hex[:8]}")


def queue(of: Topic, service: str = "analytics") -> Queue:
    """Where a service has its messages kept."""
    return Queue(of, service, f"{of.stream}.ingest")


def message(number: int, workflow_id: str = "cart-1") -> Message:
    """One of many."""
    return Message(
        event="UserAdded",
        workflow_id=workflow_id,
        headers={"event-type": "UserAdded", "event-version": 2, "number": number},
        body=b'{"number": %d}' % number,
    )


def numbers(arrivals: Sequence[Arrival]) -> list[object]:
    """Which messages these are."""
    return [one.headers["number"] for one in arrivals]


async def take(intake: Intake, count: int) -> list[Arrival]:
    """So many messages, in as many pieces as they come."""
    arrivals: list[Arrival] = []
    async with asyncio.timeout(DEADLINE):
        while len(arrivals) < count:
            arrivals += await intake.take(count - len(arrivals))
    return arrivals


async def publish(transport: Transport, to: Topic, *messages: Message) -> list[Receipt]:
    return await transport.publish(to, messages, deadline=DEADLINE)


class TransportContract:
    """Subclass it, with a fixture `broker` that is a `TransportUnderTest`."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    async def transport(self, broker: TransportUnderTest) -> AsyncIterator[Transport]:
        transport = await broker.connect()
        yield transport
        await transport.close()

    async def test_what_nobody_has_a_queue_for_is_returned(self, transport: Transport) -> None:
        assert await publish(transport, topic(), message(1), message(2)) == [Receipt.RETURNED] * 2

    async def test_a_message_arrives_as_it_was_sent(self, transport: Transport) -> None:
        users = topic()
        await transport.declare(queue(users))

        assert await publish(transport, users, message(7)) == [Receipt.CONFIRMED]

        async with transport.read(queue(users), prefetch=10) as intake:
            [arrival] = await take(intake, 1)
        sent = message(7)
        assert {name: arrival.headers[name] for name in sent.headers} == sent.headers
        assert arrival.body == sent.body
        assert arrival.content_type == "application/json"
        assert arrival.redeliveries == 0

    async def test_messages_arrive_in_the_order_in_which_they_were_sent(
        self, transport: Transport
    ) -> None:
        users = topic()
        await transport.declare(queue(users))
        first = publish(transport, users, *(message(number) for number in range(300)))
        assert {*await first} == {Receipt.CONFIRMED}
        await publish(transport, users, *(message(number) for number in range(300, 400)))

        async with transport.read(queue(users), prefetch=50) as intake:
            seen: list[object] = []
            while len(seen) < 400:
                arrivals = await take(intake, 20)
                seen += numbers(arrivals)
                await intake.acknowledge(arrivals)

        assert seen == list(range(400))

    async def test_each_queue_of_a_topic_gets_every_message_and_others_get_none(
        self, transport: Transport
    ) -> None:
        users, invitations = topic(), topic()
        for one in (queue(users), queue(users, "billing"), queue(invitations)):
            await transport.declare(one)

        await publish(transport, users, message(1))
        await publish(transport, invitations, message(2))

        for one, expected in (
            (queue(users), 1),
            (queue(users, "billing"), 1),
            (queue(invitations), 2),
        ):
            async with transport.read(one, prefetch=10) as intake:
                assert numbers(await take(intake, 1)) == [expected]

    async def test_a_queue_keeps_what_comes_while_nobody_reads(
        self, broker: TransportUnderTest, transport: Transport
    ) -> None:
        users = topic()
        await transport.declare(queue(users))
        other = await broker.connect()
        await publish(other, users, message(1))
        await other.close()

        async with transport.read(queue(users), prefetch=10) as intake:
            assert numbers(await take(intake, 1)) == [1]

    async def test_declaring_a_queue_again_changes_nothing(self, transport: Transport) -> None:
        users = topic()
        await transport.declare(queue(users))
        await publish(transport, users, message(1))
        await transport.declare(queue(users))

        async with transport.read(queue(users), prefetch=10) as intake:
            assert numbers(await take(intake, 1)) == [1]

    async def test_what_was_acknowledged_does_not_come_again_and_all_else_does(
        self, transport: Transport
    ) -> None:
        users = topic()
        await transport.declare(queue(users))
        await publish(transport, users, *map(message, range(6)))

        async with transport.read(queue(users), prefetch=10) as intake:
            arrivals = await take(intake, 5)
            await intake.acknowledge([arrivals[1]])
            await intake.acknowledge([arrivals[4], arrivals[3]])
        async with transport.read(queue(users), prefetch=10) as intake:
            again = await take(intake, 3)
            await intake.acknowledge(again)

        assert sorted(map(str, numbers(again))) == ["0", "2", "5"]

    async def test_acknowledging_twice_settles_nothing_else(self, transport: Transport) -> None:
        users = topic()
        await transport.declare(queue(users))
        await publish(transport, users, message(0), message(1))

        async with transport.read(queue(users), prefetch=10) as intake:
            first, _ = await take(intake, 2)
            await intake.acknowledge([first])
            await intake.acknowledge([first])
            await intake.put_back([first])
        async with transport.read(queue(users), prefetch=10) as intake:
            assert numbers(await take(intake, 1)) == [1]

    async def test_no_more_are_unsettled_at_once_than_were_asked_for(
        self, transport: Transport
    ) -> None:
        users = topic()
        await transport.declare(queue(users))
        await publish(transport, users, *map(message, range(5)))

        async with transport.read(queue(users), prefetch=2) as intake:
            arrivals = await take(intake, 2)
            more = asyncio.create_task(take(intake, 1))
            async with transport.read(queue(users, "nobody"), prefetch=1):
                await publish(transport, users, message(5))  # the broker was asked meanwhile
            assert not more.done()
            await intake.acknowledge(arrivals)
            assert numbers(await more) == [2]

    async def test_what_is_put_back_comes_again_and_is_counted(self, transport: Transport) -> None:
        users = topic()
        await transport.declare(queue(users))
        await publish(transport, users, message(1))

        async with transport.read(queue(users), prefetch=1) as intake:
            await intake.put_back(await take(intake, 1))
            [again] = await take(intake, 1)

        assert again.headers["number"] == 1
        assert again.redeliveries == 1

    async def test_what_is_set_aside_is_kept_whole_and_does_not_come_again(
        self, broker: TransportUnderTest, transport: Transport
    ) -> None:
        users = topic()
        await transport.declare(queue(users))
        await publish(transport, users, message(1), message(2))

        async with transport.read(queue(users), prefetch=10) as intake:
            first, _ = await take(intake, 2)
            await intake.set_aside([first], "it is no event")
        async with transport.read(queue(users), prefetch=10) as intake:
            assert numbers(await take(intake, 1)) == [2]
        async with asyncio.timeout(DEADLINE):
            assert await broker.dead_letters(queue(users), 1) == [message(1).body]

    async def test_taking_waits_for_a_message(self, transport: Transport) -> None:
        users = topic()
        async with transport.read(queue(users), prefetch=10) as intake:
            waiting = asyncio.create_task(take(intake, 1))
            await transport.declare(queue(users))
            assert not waiting.done()
            await publish(transport, users, message(1))
            assert numbers(await waiting) == [1]

    async def test_one_reader_at_a_time_has_a_queue_that_is_for_one_and_the_next_goes_on_in_order(
        self, broker: TransportUnderTest, transport: Transport
    ) -> None:
        users = topic()
        alone = replace(queue(users), one_reader=True)
        await transport.declare(alone)
        await publish(transport, users, *map(message, range(6)))
        other = await broker.connect()

        async with AsyncExitStack() as reading:
            first = await reading.enter_async_context(transport.read(alone, prefetch=4))
            arrivals = await take(first, 3)
            async with other.read(alone, prefetch=50) as next_one:
                waiting = asyncio.create_task(take(next_one, 5))
                await publish(transport, users, message(6))
                await first.acknowledge(arrivals[:2])
                assert not waiting.done()
                await reading.aclose()
                assert numbers(await waiting) == [2, 3, 4, 5, 6]
        await other.close()

    async def test_a_queue_that_is_removed_is_gone_with_what_was_in_it(
        self, transport: Transport
    ) -> None:
        users = topic()
        await transport.declare(queue(users))
        await publish(transport, users, message(1))
        await transport.remove(queue(users))
        await transport.remove(queue(users))

        assert await publish(transport, users, message(2)) == [Receipt.RETURNED]

    async def test_a_probe_comes_back(self, transport: Transport) -> None:
        await transport.probe(deadline=DEADLINE)

    async def test_what_is_asked_of_a_closed_transport_is_refused(
        self, broker: TransportUnderTest
    ) -> None:
        transport = await broker.connect()
        opened = transport.state
        assert opened.connected
        seen = transport.changes.generation
        await transport.close()

        assert transport.changes.generation > seen
        closed = transport.state
        assert not closed.connected
        assert closed.reason == "closed"
        assert await publish(transport, topic(), message(1)) == [Receipt.REFUSED]
        with pytest.raises(BrokerUnavailableError, match="closed"):
            await transport.declare(queue(topic()))
        with pytest.raises(BrokerUnavailableError, match="closed"):
            await transport.probe(deadline=DEADLINE)
