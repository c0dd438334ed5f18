"""Dead letters in memory, found by their ids and by their workflows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from itertools import count

from headwater.events import RecordedEvent

from .contract import DeadLetter, FeedKey
from .letters import BEHIND, LetterPlace, those_that_come_back

__all__ = ["Letters"]


class Letters:
    """The dead letters of a store."""

    def __init__(self) -> None:
        self.by_id: dict[int, DeadLetter] = {}
        self._by_workflow: dict[tuple[FeedKey, str], dict[int, DeadLetter]] = defaultdict(dict)
        self._ids = count(1)

    def add(
        self,
        key: FeedKey,
        event: RecordedEvent,
        error: str,
        attempts: int,
        at: datetime,
        *,
        behind: bool = False,
        unread: bool = False,
    ) -> None:
        """Keep an event as a dead letter of that feed."""
        letter = DeadLetter(
            id=next(self._ids),
            subscription=key.subscription,
            consumer=key.consumer,
            event=event,
            error=error,
            attempts=attempts,
            set_aside_at=at,
            behind=behind,
            unread=unread,
        )
        self.by_id[letter.id] = letter
        self._by_workflow[key, event.workflow_id][letter.id] = letter

    def add_behind(self, key: FeedKey, event: RecordedEvent, attempts: int, at: datetime) -> None:
        """Keep an event behind its workflow's letters, unless it is there already."""
        theirs = self._by_workflow[key, event.workflow_id].values()
        if all(letter.event.offset != event.offset for letter in theirs):
            self.add(key, event, BEHIND, attempts, at, behind=True)

    def offsets(self, stream: str) -> set[int]:
        """Of the stream's events that are among them."""
        return {one.event.offset for one in self.by_id.values() if one.event.stream == stream}

    def remove(self, letter: int) -> DeadLetter | None:
        """Forget a letter, and tell what it was."""
        found = self.by_id.pop(letter, None)
        if found is not None:
            lane = (_feed(found), found.event.workflow_id)
            del self._by_workflow[lane][letter]
            if not self._by_workflow[lane]:
                del self._by_workflow[lane]
        return found

    def is_behind(self, key: FeedKey, workflow_id: str, offset: int) -> bool:
        """Whether the workflow has a letter in that feed, before the offset, to wait behind."""
        theirs = self._by_workflow.get((key, workflow_id), {})
        return any(letter.event.offset < offset and not letter.unread for letter in theirs.values())

    def those_that_come_back(self, chosen: Collection[int]) -> list[DeadLetter]:
        """Which letters are handed out again when these are asked for, oldest first."""
        lanes = {
            (_feed(letter), letter.event.workflow_id)
            for letter in map(self.by_id.get, chosen)
            if letter is not None
        }
        standing = [
            LetterPlace(
                letter.id, key, workflow_id, letter.event.offset, letter.behind, letter.unread
            )
            for key, workflow_id in lanes
            for letter in self._by_workflow[key, workflow_id].values()
        ]
        return [self.by_id[one.id] for one in those_that_come_back(standing, chosen)]


def _feed(letter: DeadLetter) -> FeedKey:
    return FeedKey(letter.subscription, letter.consumer)
