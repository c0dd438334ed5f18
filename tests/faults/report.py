"""What a fault test came to, in figures; and a line now and then while it takes long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

__all__ = ["PROPERTY", "Figures", "Progress", "table"]

PROPERTY = "figures"  # of a test's report
PAUSE = 10.0  # seconds between two lines

COUNTS = ("events", "lost", "phantom", "again")
"""Events in the log at the end (acknowledged, where the log does not keep them); of those that were
acknowledged, how many are not there or had no effect; how many are there that nobody entered; and
how many effects came more than once."""


class Figures:
    """What one test counted. `plain` is all of it as plain data, and is kept up to date."""

    def __init__(self) -> None:
        self.plain: dict[str, Any] = {"faults": {}, **dict.fromkeys(COUNTS, 0), "notes": []}

    def faults(self, counts: Mapping[str, int]) -> None:
        """So many faults happened, by name."""
        self.plain["faults"] = dict(counts)

    def add(self, **counts: int) -> None:
        """So many more of these."""
        for name, count in counts.items():
            self.plain[name] += count

    def note(self, text: str) -> None:
        """What else is worth reading."""
        self.plain["notes"].append(text)


class Progress:
    """Says how far a test has come, every ten seconds."""

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self._name = name
        self._say = say
        self._begun = time.monotonic()
        self._last = self._begun

    def __call__(self, done: int, of: int, what: str) -> None:
        """`done` of all are."""
        now = time.monotonic()
        if now - self._last >= PAUSE:
            self._last = now
            self._say(f"{self._name}: {done:,} of {of:,} {what}, {now - self._begun:.0f} s")


def table(tests: Iterable[tuple[str, str, float, dict[str, Any]]]) -> Iterator[str]:
    """Lines: a test's rows, what happened to it, what became of the events, and how long it took.

    `tests` are row, name, seconds and figures.
    """
    yield f"{'row':<4} {'events':>9} {'lost':>5} {'phantom':>7} {'again':>6} {'seconds':>8}  faults"
    for row, name, seconds, figures in tests:
        faults = ", ".join(f"{count:,} x {fault}" for fault, count in figures["faults"].items())
        yield (
            f"{row:<4} {figures['events']:>9,} {figures['lost']:>5,} {figures['phantom']:>7,} "
            f"{figures['again']:>6,} {seconds:>8.1f}  {faults or 'none'}  {name}"
        )
        for note in figures["notes"]:
            yield f"{'':<45}{note}"
