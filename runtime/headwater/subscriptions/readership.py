"""All who read an app's subscriptions: its handlers' workers, and the sessions of iterators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from headwater.errors import ConfigurationError
from headwater.events import Event
from headwater.streams import Stream, StreamType

from .definition import Mode, Subscription
from .handling import EventHandler, Workers
from .reader import Reader, Surroundings, feed_of, group_of
from .session import Session

__all__ = ["Readership", "require_consumer_name"]

E = TypeVar("E", bound=Event)

LONGEST_NAME = 255  # characters of a consumer's name


def require_consumer_name(name: str) -> None:
    """Refuse what a store cannot tell from another name, or a person cannot read.

    Raises:
        ConfigurationError: It is empty, too long or unprintable.
    """
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise ConfigurationError(
            f"a consumer's name has 1 to {LONGEST_NAME} printable characters, not {name[:300]!r}"
        )


class Readership:
    """Makes readers, and knows the sessions that are open."""

    def __init__(
        self,
        surroundings: Surroundings,
        streams: Callable[[str], Stream],
        consumer: str,
        on_open: Callable[[], None],
    ) -> None:
        self._around = surroundings
        self._stream = streams
        self._consumer = consumer
        self._on_open = on_open
        self._sessions: set[Session[Any]] = set()

    @property
    def consumer(self) -> str:
        """Whom the events of handlers are delivered to."""
        return self._consumer

    async def register(self, subscription: Subscription[Event]) -> None:
        """Have the subscription miss nothing from here on, where its readers are known already.

        A broadcast without a handler is read by consumers that name themselves when they come.

        Raises:
            ConfigurationError: It needs a persistent stream, and its stream is ephemeral.
        """
        stream = self._stream(subscription.stream)
        if subscription.mode.needs_a_log and stream.type is not StreamType.PERSISTENT:
            raise ConfigurationError(
                f"{subscription.name} is a {subscription.mode.value} and needs a persistent "
                f"stream; {stream.name} is {stream.type.value}"
            )
        is_read_at_once = subscription.mode is Mode.EXCLUSIVE or subscription.handler is not None
        if stream.remote is not None and stream.remote.direct:
            if is_read_at_once and self._around.queues is not None:
                self._around.queues.register(subscription, stream.remote, self._consumer)
        elif subscription.mode is Mode.CONSUMER_GROUP:
            group = group_of(subscription, stream)
            await self._around.store.register_group(group)
        elif is_read_at_once:
            await self._around.store.register(feed_of(subscription, stream, self._consumer))

    def workers(self, subscription: Subscription[Event], handler: EventHandler) -> Workers:
        """Those who give the subscription's events to its handler, not started yet."""
        reader = Reader(
            subscription,
            self._stream(subscription.stream),
            self._consumer,
            self._around,
            for_handler=True,
        )
        around = self._around
        return Workers(reader, handler, around.clock, around.chance, around.activity)

    def session(
        self, subscription: Subscription[E], consumer: str | None, deadline: float
    ) -> Session[E]:
        """A session for an iterator; one without a consumer's name is forgotten when it ends."""
        name = consumer or f"anonymous-{self._around.chance.getrandbits(64):016x}"
        reader = Reader(
            subscription,
            self._stream(subscription.stream),
            name,
            self._around,
            for_handler=False,
            is_anonymous=consumer is None,
            deadline=deadline,
        )
        return Session(
            reader,
            self._around,
            forget_consumer=consumer is None,
            deadline=deadline,
            on_open=self._session_opens,
            on_close=self._sessions.discard,
        )

    def stop_sessions(self) -> None:
        """End the iteration of all that is open; events in hand can still be settled."""
        for session in tuple(self._sessions):
            session.stop()

    def _session_opens(self, session: Session[Any]) -> None:
        self._on_open()
        self._sessions.add(session)
