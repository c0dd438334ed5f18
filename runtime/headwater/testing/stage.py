"""A store on which one event, and nothing but it, reaches one handler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from headwater.schema.revisions import Chain
from headwater.service import Service
from headwater.stores.contract import (
    Acknowledge,
    Claims,
    Feed,
    FeedKey,
    Order,
    SentCommand,
    Store,
    Taken,
    Unit,
)
from headwater.streams import FromLatest, Stream, StreamType

__all__ = ["Stage"]

KEPT_BY = "headwater-scenario"  # the feed that keeps an ephemeral stream's events
ALL_OF_THEM = 1_000_000
FOR_GOOD = 1e9  # seconds


class Stage:
    """A store between an app and its scenario.

    Subscriptions with a handler are given the events that the scenario puts before them, and no
    others; commands that handlers send are kept for the scenario instead of being executed; and
    what is on an ephemeral stream stays there to be looked at.
    """

    def __init__(self, store: Store, service: Service[Any]) -> None:
        self._behind = store
        self._service = service
        self._handled = {one.name for one in service.subscriptions if one.handler is not None}
        self._shown: set[tuple[str, UUID]] = set()

    @property
    def store(self) -> Store:
        """What the app calls the store through."""
        return cast("Store", self)  # `__getattr__` has what the type checker cannot see

    def show(self, subscription: str, event: UUID) -> None:
        """Let the handler of this subscription have the event, once it is recorded."""
        self._shown.add((subscription, event))

    async def take_sent(self) -> list[SentCommand]:
        """What handlers have sent since this was asked last, in the order of sending."""
        taken = await self._behind.take_commands(ALL_OF_THEM, FOR_GOOD)
        return sorted(taken.commands, key=_step)

    async def open(self, streams: Sequence[Stream], chain: Chain | None = None) -> None:
        """Open the store, and keep from then on what is on ephemeral streams."""
        await self._behind.open(streams, chain)
        for stream in streams:
            if stream.type is StreamType.EPHEMERAL:
                names = (event.event_name for event in self._service.events_of(stream.name))
                await self._behind.register(
                    Feed(
                        key=FeedKey(KEPT_BY, stream.name),
                        stream=stream.name,
                        events=frozenset(names),
                        start=FromLatest(),
                        order=Order.STREAM,
                        in_flight=1,
                        ack_timeout=FOR_GOOD,
                    )
                )

    async def claim(self, key: FeedKey, holder: str, limit: int) -> Claims:
        """Hand out what is shown to the feed's handler; all else counts as handled before."""
        while True:
            handed_out = await self._behind.claim(key, holder, limit)
            if key.subscription not in self._handled:
                return handed_out
            unseen = [
                claim
                for claim in handed_out.claims
                if (key.subscription, claim.event.id) not in self._shown
            ]
            if not unseen:
                return handed_out
            settlements = tuple(Acknowledge(claim) for claim in unseen)
            await self._behind.commit([Unit(settlements=settlements)])
            shown = tuple(claim for claim in handed_out.claims if claim not in unseen)
            if shown:
                return Claims(shown, handed_out.next_due)

    async def take_commands(self, limit: int, lease: float) -> Taken:
        """Nothing: what was sent is for the scenario."""
        return Taken((), None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


def _step(sent: SentCommand) -> int:
    """The number that its key ends with: 1 for what a handler sent first."""
    return int(sent.key.rpartition("/")[2])
