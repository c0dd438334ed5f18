"""How far a long replay or import is, on a terminal that the events themselves do not go to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from headwater.events import RecordedEvent
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["Seen", "counting_bar", "progress_bar"]

Seen: TypeAlias = Callable[[RecordedEvent], bool]


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
    """A function to call with how many are done. The bar is on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False
    ) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
