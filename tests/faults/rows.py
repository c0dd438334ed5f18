"""The rows of the fault matrix: which fault is which, its tests, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

__all__ = ["ROWS", "TURNS", "has_its_turn", "select"]

ROWS = {
    "F1": "a producer is killed in the middle of a batch",
    "F2": "a consumer is killed in the middle of what it handles",
    "F4": "a consumer is frozen, and goes on when others have its events",
    "F5": "a claim ends while its handler runs, or blocks the loop",
    "F6": "a service is told to stop while it is busy",
    "F7": "a task is cancelled, at every await",
    "F8": "handlers raise, hang, and meet what they cannot bear",
    "F9": "setting aside fails",
    "F10": "a consumer is slower than its stream",
    "F11": "a service is killed in a handler's own transaction",
    "K3": "members of a consumer group come and go, are frozen and are killed",
    "S1": "the writer of a file is killed",
    "S2": "the disk fails",
    "S3": "several processes write to one file",
    "P1": "the server crashes or is stopped, and comes back",
    "P2": "the server ends connections",
    "P5": "the server's time limits strike",
    "P6": "the server breaks off transactions that are in each other's way",
    "P7": "the reply to a commit, or the commit itself, is lost on the way",
    "P8": "transactions begin, write, commit and roll back in any order",
    "P9": "the server says nothing any more",
    "P10": "there are more connections than the server takes, or a pooler between",
    "P11": "notifications are not heard, or not sent",
    "P12": "the server is set up to forget",
    "P13": "a process is frozen right after it has the head",
    "F3": "a relay or an ingester is killed in the middle of what it carries",
    "Q1": "the broker crashes, is stopped or frozen, and comes back",
    "Q2": "the broker is low on memory, and takes nothing",
    "Q3": "the broker closes a channel",
    "Q4": "a queue, a binding or an exchange is deleted",
    "Q5": "the broker refuses messages, or its confirms are lost",
    "Q6": "the broker closes connections",
    "Q7": "a message comes back again and again, or is none of ours",
    "N1": "the network to the broker swallows everything, one way or both",
    "N2": "the network to the broker is slow, cut and sliced",
    "N3": "the server, or the broker, is not there when a service starts",
    "C1": "clocks jump",
    "D1": "the same request comes again",
    "D3": "an event is read just as its time to be read is over",
    "D4": "old events are removed while readers lag behind",
    "D5": "several versions of a service run at once, on both sides of the broker",
    "D6": "a migration is cut off, or others migrate as well",
    "D9": "recipients are killed with events in hand, and say again what they have read",
    "D10": "the log is not the one that the cursor was written for",
    "D11": "an operator acts on a service that runs, twice, and is killed at it",
}

TURNS = 6
"""Days after which every test that rotates has been run, where tests run small.

Those are all on PostgreSQL, and some of those that need a broker.
"""


def select(wanted: Iterable[str], items: list[pytest.Item]) -> tuple[list[pytest.Item], set[str]]:
    """The tests of these rows, and those of the rows that are none or have no test."""
    rows = {one.strip().upper() for names in wanted for one in names.split(",") if one.strip()}
    found = {id(item): {mark.args[0] for mark in item.iter_markers("row")} for item in items}
    unknown = rows - set().union(*found.values())
    return [item for item in items if found[id(item)] & rows], unknown


def has_its_turn(row: str, day: int) -> bool:
    """Whether what rotates of a row is run small that day, one of `TURNS` in a row."""
    return [*ROWS].index(row) % TURNS == day % TURNS
