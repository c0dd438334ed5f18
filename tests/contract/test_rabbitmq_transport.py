"""RabbitMQ keeps the contract, and what is its own: lost connections, deleted queues, alarms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import aio_pika
import pytest
from headwater.errors import ConfigurationError
from headwater.testing.conformance.transports import (
    DEADLINE,
    TransportContract,
    message,
    numbers,
    publish,
    queue,
    take,
    topic,
)
from headwater.transports.broker import Message, Queue, Receipt, Transport
from headwater.transports.rabbitmq import (
    ExchangeType,
    RabbitmqOptions,
    RabbitmqTransport,
    RoutingKey,
)

from tests.support.rabbitmq import Broker


async def connected(transport: RabbitmqTransport) -> RabbitmqTransport:
    await transport.open()
    async with asyncio.timeout(DEADLINE):
        await transport.ready()
    return transport


class RabbitmqUnderTest:
    def __init__(self, url: str) -> None:
        self._url = url

    async def connect(self) -> Transport:
        return await connected(RabbitmqTransport(self._url))

    async def dead_letters(self, queue: Queue, count: int) -> Sequence[bytes]:
        name = RabbitmqTransport(self._url).topology.dead_letters_name(queue)
        connection = await aio_pika.connect(self._url)
        async with connection, connection.channel() as channel:
            letters = await channel.get_queue(name)
            bodies: list[bytes] = []
            async with letters.iterator() as arriving:
                async for one in arriving:
                    bodies.append(one.body)
                    if len(bodies) == count:
                        return bodies
        raise AssertionError("unreachable")


class TestRabbitmqTransport(TransportContract):
    @pytest.fixture
    def broker(self, rabbitmq: Broker) -> RabbitmqUnderTest:
        return RabbitmqUnderTest(rabbitmq.url)


@pytest.fixture
async def transport(rabbitmq: Broker) -> AsyncIterator[RabbitmqTransport]:
    transport = await connected(RabbitmqTransport(rabbitmq.url))
    yield transport
    await transport.close()


async def test_connections_that_the_broker_closes_come_back_and_are_proved(
    rabbitmq: Broker, transport: RabbitmqTransport
) -> None:
    users = topic()
    await transport.declare(queue(users))
    async with transport.read(queue(users), prefetch=10) as intake:
        await publish(transport, users, message(1))
        [first] = await take(intake, 1)
        seen = transport.changes.generation
        await asyncio.to_thread(rabbitmq.control, "close_all_connections", "for a test")
        async with asyncio.timeout(DEADLINE):
            await transport.changes.wait_after(seen)
            await transport.ready()

        await intake.acknowledge([first])  # of the connection that was lost: settles nothing
        [again] = await take(intake, 1)
        assert again.headers["number"] == 1
        await intake.acknowledge([again])
        assert await publish(transport, users, message(2)) == [Receipt.CONFIRMED]
        assert numbers(await take(intake, 1)) == [2]
        await transport.probe(deadline=DEADLINE)


async def test_who_waits_for_changes_hears_of_each_of_the_two_connections(
    rabbitmq: Broker, transport: RabbitmqTransport
) -> None:
    listed = await asyncio.to_thread(
        rabbitmq.control, "list_connections", "pid", "client_properties"
    )
    [consuming] = [line.split()[0] for line in listed.splitlines() if "consuming" in line]
    seen = transport.changes.generation
    await asyncio.to_thread(rabbitmq.control, "close_connection", consuming, "for a test")
    async with asyncio.timeout(DEADLINE):
        for is_connected in (False, True):
            while transport.state.connected is not is_connected:
                await transport.changes.wait_after(seen)
                seen = transport.changes.generation


async def test_a_queue_that_is_deleted_is_noticed_and_made_again(
    rabbitmq: Broker, transport: RabbitmqTransport
) -> None:
    users = topic()
    await transport.declare(queue(users))
    name = transport.topology.queue_name(queue(users))
    async with transport.read(queue(users), prefetch=10) as intake:
        await publish(transport, users, message(1))
        await intake.acknowledge(await take(intake, 1))
        await asyncio.to_thread(rabbitmq.control, "delete_queue", name)
        async with asyncio.timeout(DEADLINE):
            while await publish(transport, users, message(2)) == [Receipt.RETURNED]:
                continue
        assert numbers(await take(intake, 1)) == [2]


async def test_an_exchange_that_is_deleted_is_declared_again(
    rabbitmq: Broker, transport: RabbitmqTransport
) -> None:
    users = topic()
    await publish(transport, users, message(1))
    async with await aio_pika.connect(rabbitmq.url) as connection, connection.channel() as channel:
        await channel.exchange_delete(transport.topology.exchange_name(users))

    [lost] = await publish(transport, users, message(2))
    assert lost is Receipt.UNKNOWN
    assert await publish(transport, users, message(3)) == [Receipt.RETURNED]


async def test_a_full_queue_refuses_and_nothing_is_taken_for_kept(
    rabbitmq: Broker, transport: RabbitmqTransport
) -> None:
    users = topic()
    exchange = transport.topology.exchange_name(users)
    await publish(transport, users, message(1))
    async with await aio_pika.connect(rabbitmq.url) as connection, connection.channel() as channel:
        limits = {"x-max-length": 0, "x-overflow": "reject-publish"}
        full = await channel.declare_queue(exclusive=True, arguments=limits)
        await full.bind(exchange, "#")
        assert {*await publish(transport, users, *map(message, range(5)))} == {Receipt.REFUSED}


async def test_a_broker_in_alarm_takes_nothing_and_gives_all_the_same(rabbitmq: Broker) -> None:
    """Each on its own connection: who publishes is held up, who consumes is not."""
    options = RabbitmqOptions(confirm_timeout=0.5)
    transport = await connected(RabbitmqTransport(rabbitmq.url, options))
    users = topic()
    await transport.declare(queue(users))
    await publish(transport, users, message(1))
    await asyncio.to_thread(rabbitmq.control, "set_vm_memory_high_watermark", "0.00001")
    try:
        async with transport.read(queue(users), prefetch=10) as intake:
            first = await publish(transport, users, message(2))
            assert first[0] in {Receipt.UNKNOWN, Receipt.REFUSED}
            assert await publish(transport, users, message(3)) == [Receipt.REFUSED]
            assert transport.state.blocked
            assert numbers(await take(intake, 1)) == [1]
            seen = transport.changes.generation
            await asyncio.to_thread(
                rabbitmq.control, "set_vm_memory_high_watermark", "absolute", "1GB"
            )
            async with asyncio.timeout(DEADLINE):
                while transport.state.blocked:
                    await transport.changes.wait_after(seen)
                    seen = transport.changes.generation
                    await transport.ready()
            assert await publish(transport, users, message(4)) == [Receipt.CONFIRMED]
    finally:
        await asyncio.to_thread(rabbitmq.control, "set_vm_memory_high_watermark", "absolute", "1GB")
        await transport.close()


async def test_foreign_messages_arrive_whatever_is_in_them(
    rabbitmq: Broker, transport: RabbitmqTransport
) -> None:
    users = topic()
    await transport.declare(queue(users))
    hostile = {
        "table": {"of": [1, {"tables": bytearray(b"\xff")}]},
        "x-delivery-count": "many",
        "big": 1 << 62,
    }
    async with await aio_pika.connect(rabbitmq.url) as connection, connection.channel() as channel:
        exchange = await channel.get_exchange(transport.topology.exchange_name(users))
        foreign = aio_pika.Message(b"\xff\x00", headers=hostile)  # type: ignore[arg-type]
        await exchange.publish(foreign, routing_key="whatever")

    async with transport.read(queue(users), prefetch=10) as intake:
        [arrival] = await take(intake, 1)

    assert arrival.body == b"\xff\x00"
    assert arrival.redeliveries == 0, "the count is the broker's or none"


async def test_a_message_that_always_comes_back_is_a_dead_letter_after_the_limit(
    rabbitmq: Broker,
) -> None:
    transport = await connected(
        RabbitmqTransport(rabbitmq.url, RabbitmqOptions(delivery_limit=2, prefix="limited"))
    )
    users = topic()
    await transport.declare(queue(users))
    await publish(transport, users, message(1), message(2))
    async with transport.read(queue(users), prefetch=1) as intake:
        tries: list[object] = []
        while 2 not in tries:
            arrivals = await take(intake, 1)
            tries += numbers(arrivals)
            if 2 not in tries:
                await intake.put_back(arrivals)

    assert tries == [1, 1, 1, 2]
    await transport.close()


@pytest.mark.parametrize("kind", ExchangeType)
@pytest.mark.parametrize("key", RoutingKey)
async def test_exchanges_of_every_type_carry_the_whole_stream(
    kind: ExchangeType, key: RoutingKey, rabbitmq: Broker
) -> None:
    if kind is ExchangeType.DIRECT and key is not RoutingKey.STREAM:
        with pytest.raises(ConfigurationError, match="needs the routing key `stream`"):
            RabbitmqOptions(exchange=kind, routing_key=key)
        return
    options = RabbitmqOptions(prefix=f"a.{kind.value}", exchange=kind, routing_key=key)
    transport = await connected(RabbitmqTransport(rabbitmq.url, options))
    users = topic()
    await transport.declare(queue(users))
    other = Message(event="UserRemoved", workflow_id="2", headers={"number": 2}, body=b"{}")
    await publish(transport, users, message(1), other)
    async with transport.read(queue(users), prefetch=10) as intake:
        assert numbers(await take(intake, 2)) == [1, 2]
    await transport.close()


async def test_a_broker_that_is_not_there_is_waited_for(rabbitmq: Broker) -> None:
    """It says why, without the password, and connects as soon as it can."""
    transport = RabbitmqTransport("amqp://guest:secret-word@127.0.0.1:1/")
    seen = transport.changes.generation
    await transport.open()
    async with asyncio.timeout(DEADLINE):
        while not transport.state.failures:
            await transport.changes.wait_after(seen)
            seen = transport.changes.generation
    assert await publish(transport, topic(), message(1)) == [Receipt.REFUSED]
    assert "secret-word" not in repr(transport.state)
    await transport.close()


async def test_a_wrong_password_is_told_and_not_repeated(rabbitmq: Broker) -> None:
    url = rabbitmq.url.replace("guest:guest", "guest:secret-word")
    assert await refusal(url) == "user or password are refused"


async def test_what_the_broker_refuses_is_told_in_words_that_help(rabbitmq: Broker) -> None:
    """A virtual host that is not there, rights that are missing, and no TLS where it is asked."""
    user = f"weak-{uuid4().hex[:8]}"
    await asyncio.to_thread(rabbitmq.control, "add_user", user, "secret-word")
    await asyncio.to_thread(rabbitmq.control, "set_permissions", user, "^x$", "^x$", "^x$")
    weak = rabbitmq.url.replace("guest:guest", f"{user}:secret-word")
    assert await refusal(f"{rabbitmq.url}nowhere") == (
        "the virtual host is not there, or not for this user"
    )
    refused = await refusal(weak)
    assert re.match(r"the broker refused: ACCESS_REFUSED - access to \w+ ", refused)
    assert f"for user '{user}'" in refused
    assert "secret-word" not in refused
    tls = await refusal(rabbitmq.url.replace("amqp://", "amqps://"))
    assert tls.startswith("TLS failed: [SSL: WRONG_VERSION_NUMBER]")


async def refusal(url: str) -> str:
    """Why there is no connection."""
    transport = RabbitmqTransport(url)
    seen = transport.changes.generation
    await transport.open()
    async with asyncio.timeout(DEADLINE):
        while not transport.state.failures:
            await transport.changes.wait_after(seen)
            seen = transport.changes.generation
    reason = transport.state.reason
    await transport.close()
    return reason


@pytest.mark.parametrize("url", ["", "http://host", "amqp:///x", "amqp://host-1:port", "users.db"])
def test_an_url_of_something_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="amqp://user:password@host:port") as caught:
        RabbitmqTransport(url)
    assert not url or url not in str(caught.value)


def test_all_that_is_wrong_with_options_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        RabbitmqOptions(prefix="a b", exchange=ExchangeType.DIRECT, delivery_limit=0)
    assert len(caught.value.problems) == 3
