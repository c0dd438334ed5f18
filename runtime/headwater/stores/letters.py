"""Dead letters of one workflow: which of them come back together; the same in every store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .contract import FeedKey

__all__ = ["BEHIND", "LetterPlace", "those_that_come_back"]

BEHIND = "set aside behind a dead letter of its workflow"
"""The error of a letter whose event was never handed out."""


@dataclass(frozen=True, slots=True)
class LetterPlace:
    """A dead letter and its place: among those of its workflow in its feed."""

    id: int
    feed: FeedKey
    workflow_id: str
    offset: int
    behind: bool
    unread: bool


def those_that_come_back(
    letters: Iterable[LetterPlace], chosen: Collection[int]
) -> list[LetterPlace]:
    """Which letters are handed out again when these are asked for, oldest first.

    `letters` are all of the workflows concerned. With a letter come those behind it, up to one that
    failed by itself and stays; a letter that is behind one that stays, stays too. So a workflow's
    events are handled in their order, whatever is chosen. Of those that were delivered and not
    read, which keep nothing back, just the chosen ones come.
    """
    lanes: dict[tuple[FeedKey, str], list[LetterPlace]] = defaultdict(list)
    for letter in letters:
        lanes[letter.feed, letter.workflow_id].append(letter)
    back: list[LetterPlace] = []
    for lane in lanes.values():
        lane.sort(key=lambda letter: (letter.offset, letter.id))
        one_stays = one_is_back = False
        for letter in lane:
            if letter.behind:
                is_back = not one_stays and (one_is_back or letter.id in chosen)
            else:
                is_back = letter.id in chosen
            if is_back:
                back.append(letter)
            if letter.unread:
                continue
            if is_back:
                one_is_back = True
            else:
                one_stays = True
    return sorted(back, key=lambda letter: letter.id)
