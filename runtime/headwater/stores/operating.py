"""What operators do to a store, and the line that is kept of each act.

An act and its line are written together or not at all. What changes nothing, such as a second
pause, leaves no line.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from headwater.errors import SubscriptionInUseError
from headwater.streams import Start

if TYPE_CHECKING:
    from .contract import FeedKey

__all__ = ["Act", "Interference", "Operating", "Reset", "by_command", "detail_text", "reset_detail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What an operator did."""

    id: int
    """Grows with every act of the store."""
    at: datetime
    what: str
    """reset, requeue, drop, pause, resume, unsubscribe or retry."""
    subject: str
    """The subscription; of a retry the command."""
    detail: Mapping[str, Any]
    """What was changed, as JSON values."""
    actor: str
    """Who asked for it, as far as it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """A cursor that is put somewhere else, and what comes of it."""

    key: FeedKey
    before: int
    """Offset up to which every event was settled."""
    after: int
    """Offset up to which every event counts as settled now."""
    again: int
    """Events that were settled and are delivered again."""
    skipped: int
    """Events that were not settled and are not delivered any more."""


@dataclass(frozen=True, slots=True)
class Interference:
    """Whom a reset would get in the way of."""

    sessions: tuple[str, ...]
    """Consumers with a session that lives, one for each."""
    in_flight: int
    """Events that are handed out."""
    is_paused: bool

    def require_none(self, subscription: str) -> None:
        """See that nobody would notice.

        Raises:
            SubscriptionInUseError: Somebody reads, and it is not paused; or has events in hand.
        """
        if self.sessions and (self.in_flight or not self.is_paused):
            raise SubscriptionInUseError(subscription, self.sessions, self.in_flight)


class Operating(Protocol):
    """The part of a store for its operators."""

    async def reset(
        self, keys: Sequence[FeedKey], start: Start, *, forced: bool, dry_run: bool, actor: str
    ) -> list[Reset]:
        """Put the cursors of one subscription where `start` says, all of them or none.

        Claims of them are lost: what was handed out settles nothing any more, nor does the owner of
        a partition. What stood above a cursor is forgotten. Dead letters stay as they are.

        Raises:
            UnknownSubscriptionError: One of the feeds is not there.
            EventNotFoundError: The stream has no event with that id.
            SubscriptionInUseError: A session lives that reads one of them, and the subscription is
                not paused, or events are handed out; unless `forced`.
        """

    async def acts(self, limit: int) -> list[Act]:
        """The newest acts, oldest first."""


def reset_detail(start: Start, resets: Collection[Reset]) -> dict[str, Any]:
    """What the line of a reset tells: from where to where, and what comes of it."""
    return {
        "to": str(start),
        "again": sum(one.again for one in resets),
        "skipped": sum(one.skipped for one in resets),
        "cursors": {_place(one.key): [one.before, one.after] for one in resets},
    }


def by_command(retried: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """The keys of commands that are tried again, by the commands' names, each a line."""
    keys: dict[str, list[str]] = {}
    for name, key in sorted(retried):
        keys.setdefault(name, []).append(key)
    return [*keys.items()]


def _place(key: FeedKey) -> str:
    return key.subscription if key.consumer is None else key.consumer


def detail_text(detail: Mapping[str, Any]) -> str:
    """As it is kept."""
    return json.dumps(detail, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
