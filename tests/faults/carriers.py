"""What carries the ledger's entries to the books of another service: its relay, and their ingest.

Each is in a process of its own, which runs the service and does nothing else. The books have a
database of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest.mock import patch

from aiormq.channel import Channel
from headwater.relaying import border
from headwater.relaying import relay as relay_module

from tests.faults.actors import Role, recorded_app, terminated
from tests.faults.failpoints import Failpoints
from tests.faults.history import Scribe
from tests.faults.ledger import Handlers

__all__ = ["ROLES"]

NO_TAG = 1 << 40


async def relay(scribe: Scribe, options: dict[str, Any]) -> None:
    """Take the entries to the broker until SIGTERM, with claims that last for `lifetime` seconds.

    What no queue takes is sent again after `hold` seconds.
    """
    relay_module.ACK_TIMEOUT = options["lifetime"]
    relay_module.HOLD_PAUSE = options.get("hold", relay_module.HOLD_PAUSE)
    ledger = {**options.get("ledger", {}), "subscribed": False, "published": True}
    await _run(scribe, {**options, "ledger": ledger})


async def ingest(scribe: Scribe, options: dict[str, Any]) -> None:
    """Take the entries in until SIGTERM, under a lease that lasts for `lifetime` seconds."""
    border.LEASE, border.RENEWAL = options["lifetime"], options["lifetime"] / 4
    ledger = {**options.get("ledger", {}), "handler": False}
    await _run(scribe, {**options, "service": "books", "ledger": ledger})


async def _run(scribe: Scribe, options: dict[str, Any]) -> None:
    stopping = terminated()
    with _hearing(scribe, options["points"], options.get("wrong_tags", 0)):
        async with recorded_app(scribe, options, Handlers()):
            scribe.note("info", "ready")
            await stopping.wait()


@contextmanager
def _hearing(scribe: Scribe, points: Failpoints, wrong_tags: int) -> Iterator[None]:
    """Have the driver go past the failpoint `confirm`, and settle what is not there now and then.

    That is after every `wrong_tags`-th confirm or acknowledgement; the broker closes the channel.
    """
    hear, acknowledge = Channel._on_confirm_frame, Channel.basic_ack
    counted = count(1)

    async def now_and_then(channel: Channel) -> None:
        if wrong_tags and next(counted) % wrong_tags == 0:
            scribe.fault("wrong tag")
            await acknowledge(channel, NO_TAG, wait=False)

    async def hear_confirm(channel: Channel, frame: Any) -> None:
        points.pass_by("confirm", "before")
        await hear(channel, frame)
        await now_and_then(channel)

    async def also_acknowledge(channel: Channel, *arguments: Any, **options: Any) -> None:
        await acknowledge(channel, *arguments, **options)
        await now_and_then(channel)

    with (
        patch.object(Channel, "_on_confirm_frame", hear_confirm),
        patch.object(Channel, "basic_ack", also_acknowledge),
    ):
        yield


ROLES: dict[str, Role] = {"relay": relay, "ingest": ingest}
