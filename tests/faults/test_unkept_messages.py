"""Q5: the broker refuses messages, or its confirms are lost."""

from __future__ import annotations

import asyncio

import aio_pika
import pytest

from tests.faults.across import Across
from tests.faults.databases import on_both
from tests.faults.proxy import Proxy
from tests.faults.report import Progress

pytestmark = pytest.mark.row("Q5")


@on_both
def test_what_the_broker_refuses_is_sent_again_before_what_follows_it(
    across: Across, progress: Progress, whole: bool
) -> None:
    """Somebody's queue on the exchange is full; ours has each message all the same, often twice."""
    rounds, each = (100, 100) if whole else (2, 10)
    world = across.world
    producer = across.start_producer(tasks=2, pause=0.01)
    carriers = [across.start_relay(), across.start_ingest(), across.start_reader()]
    across.until_ready()
    for done in range(rounds):
        progress(done, rounds, "rounds")
        across.until_more_is_taken_in(5)
        unkept = world.count(action="unkept", kind="info")
        asyncio.run(with_a_full_queue(across, unkept + each))
    refused = sum(line.note == "refused" for line in world.history() if line.action == "unkept")
    world.tell("refusal", refused)
    producer.kill()
    across.drain(*carriers, within=300.0 if whole else 60.0)

    across.assert_all_held(faults={"refusal": rounds * each})


async def with_a_full_queue(across: Across, unkept: int) -> None:
    """Have one on the exchange until so many messages were refused."""
    async with await aio_pika.connect(across.broker.url) as connection:
        channel = await connection.channel()
        full = await channel.declare_queue(
            exclusive=True, arguments={"x-max-length": 0, "x-overflow": "reject-publish"}
        )
        await full.bind(across.exchange, "#")
        await asyncio.to_thread(across.world.until_noted, unkept, action="unkept", kind="info")


@pytest.mark.rotates
@on_both
def test_what_was_sent_and_whose_confirm_is_lost_is_sent_again_and_had_one_effect(
    across: Across, progress: Progress, whole: bool
) -> None:
    """The network takes what the broker says to the relay; then there is another connection."""
    losses = 50 if whole else 1
    world = across.world
    producer = across.start_producer(tasks=2, pause=0.01)
    with Proxy(across.broker.port, world.tell, speaks_sql=False) as proxy:
        relay = across.start_relay(
            proxy.url(across.broker.url), rabbitmq={"connect_timeout": 1.0, "confirm_timeout": 0.5}
        )
        carriers = [relay, across.start_ingest(), across.start_reader()]
        across.until_ready()
        for done in range(losses):
            progress(done, losses, "losses")
            across.until_more_is_taken_in(world.chance.randint(5, 40))
            unkept = world.count(relay, action="unkept", kind="info")
            proxy.be_silent("replies")
            world.until_noted(unkept + 1, relay, action="unkept", kind="info")
            proxy.speak()
            kept = world.count(relay, action="effect", kind="info")
            world.until_noted(kept + 1, relay, action="effect", kind="info")
        producer.kill()
        across.drain(*carriers, within=300.0 if whole else 60.0)

    across.assert_all_held(faults={"silence": losses})
    unknown = sum(line.note == "unknown" for line in world.history() if line.action == "unkept")
    assert unknown >= losses
