"""How far long work is, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from headwater.events import RecordedEvent
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

__all__ = ["Advance", "Seen", "counting_bar", "progress_bar", "work_progress"]

Seen: TypeAlias = Callable[[RecordedEvent], bool]
Advance: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

BETWEEN_LINES = 5.0  # seconds


@contextmanager
def progress_bar(head: int, *, hidden: bool) -> Iterator[Seen]:
    """A function to call with each event, wanted or not; it always returns `True`.

    The bar is on stderr, where that is a terminal and stdout is none: there the events would be
    written across it.
    """
    if hidden or sys.stdout.isatty() or not sys.stderr.isatty():
        yield lambda event: True
        return
    columns = (
        TextColumn("offset"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False
    ) as progress:
        task = progress.add_task("replay", total=head)

        def seen(event: RecordedEvent) -> bool:
            progress.update(task, completed=event.offset)
            return True

        yield seen


@contextmanager
def counting_bar(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """A function to call with how many are done."""
    with work_progress() as advance:
        yield lambda done: advance(what, done, total)


@contextmanager
def work_progress() -> Iterator[Advance]:
    """A function to call as the work goes on, of which several kinds may follow each other.

    Where stderr is no terminal, work that is done within five seconds says nothing.
    """
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False
    ) as progress:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=total)

        yield advance


class _Lines:
    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= BETWEEN_LINES:
            self._last = now
            sys.stderr.write(f"{what}: {done} of {total}\n")
            sys.stderr.flush()
