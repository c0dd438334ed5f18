"""Q4: queues, bindings and exchanges are deleted from outside."""

from __future__ import annotations

import asyncio

import aio_pika
import pytest

from tests.faults.across import Across
from tests.faults.databases import on_both
from tests.faults.report import Progress

pytestmark = pytest.mark.row("Q4")

DECLARED_AGAIN = 0.5  # seconds


@pytest.mark.parametrize(
    "what",
    [
        "the queue",
        pytest.param("the binding", marks=pytest.mark.rotates),
        pytest.param("the exchange", marks=pytest.mark.rotates),
    ],
)
@on_both
def test_what_no_queue_takes_stays_in_the_log_until_there_is_one_again(
    across: Across, progress: Progress, whole: bool, what: str
) -> None:
    """The relay is frozen until the queue is empty, so that nobody deletes what was confirmed."""
    deletions = 50 if whole else 1
    world = across.world
    across.rabbitmq["declare_interval"] = DECLARED_AGAIN
    producer = across.start_producer(tasks=2, pause=0.01)
    relay = across.start_relay(hold=DECLARED_AGAIN)
    carriers = [relay, across.start_ingest(), across.start_reader()]
    across.until_ready()
    for done in range(deletions):
        progress(done, deletions, "deletions")
        across.until_more_is_taken_in(world.chance.randint(5, 40))
        relay.freeze()
        world.until(lambda: across.waiting() == 0, "the queue is empty")
        asyncio.run(delete(across, what))
        world.tell(f"deletion of {what}")
        relay.thaw()
        across.until_more_is_taken_in(20)
    producer.kill()
    across.drain(*carriers, within=300.0 if whole else 60.0)

    across.assert_all_held(faults={f"deletion of {what}": deletions}, crashes=True)


async def delete(across: Across, what: str) -> None:
    async with await aio_pika.connect(across.broker.url) as connection:
        channel = await connection.channel()
        match what:
            case "the queue":
                await channel.queue_delete(across.queue)
            case "the exchange":
                await channel.exchange_delete(across.exchange)
            case _:
                queue = await channel.get_queue(across.queue)
                await queue.unbind(across.exchange, routing_key="#")
