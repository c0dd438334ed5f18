"""How often something can be done in a second, by so many at once, and what that costs."""

from __future__ import annotations

import asyncio
import resource
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

__all__ = ["Pairs", "Rate", "interleaved", "measured", "of_tasks", "of_threads", "processor_time"]


@dataclass(frozen=True, slots=True)
class Rate:
    """What one measurement came to."""

    each: float
    """Done in a second."""
    processor: float
    """Seconds of processor, user and system, for each."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two sides, measured in turns."""

    ours: Sequence[Rate]
    theirs: Sequence[Rate]

    def ratio(self) -> float:
        """The median of the ratios, ours to theirs."""
        return statistics.median(self._ratios())

    def text(self) -> str:
        """The ratio, how far the rounds lie apart, both rates, and what each takes of a processor.

        The last is the least of the rounds: what is above it, others on the machine have taken.
        """
        ratios = sorted(self._ratios())
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        ours, theirs = (
            statistics.median(rate.each for rate in side) for side in (self.ours, self.theirs)
        )
        mine, others = (
            min(rate.processor for rate in side) * 1e6 for side in (self.ours, self.theirs)
        )
        return (
            f"{self.ratio():.2f} x ({spread}; {ours:,.0f}/s to {theirs:,.0f}/s; "
            f"{mine:.0f} µs to {others:.0f} µs)"
        )

    def _ratios(self) -> list[float]:
        return [mine.each / other.each for mine, other in zip(self.ours, self.theirs, strict=True)]


def interleaved(rounds: int, ours: Callable[[], Rate], theirs: Callable[[], Rate]) -> Pairs:
    """Measure both, one after the other and in turns first; a round before warms up."""
    mine: list[Rate] = []
    others: list[Rate] = []
    for number in range(rounds + 1):
        sides = [(ours, mine), (theirs, others)]
        for measure, rates in sides if number % 2 else reversed(sides):
            rate = measure()
            if number:
                rates.append(rate)
    return Pairs(mine, others)


async def of_tasks(
    once: Callable[[], Awaitable[object]], callers: int, seconds: float, *, each: int = 1
) -> Rate:
    """So many tasks call it again and again; a call does `each` things."""
    until = time.perf_counter() + seconds
    done = 0

    async def call() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await once()
            done += each

    begun, used = time.perf_counter(), processor_time()
    await asyncio.gather(*(call() for _ in range(callers)))
    return measured(done, begun, used)


def of_threads(once: Callable[[], object], callers: int, seconds: float, *, each: int = 1) -> Rate:
    """So many threads call it again and again; a call does `each` things."""
    until = time.perf_counter() + seconds
    counts = [0] * callers

    def call(number: int) -> None:
        while time.perf_counter() < until:
            once()
            counts[number] += each

    begun, used = time.perf_counter(), processor_time()
    if callers == 1:
        call(0)
        return measured(counts[0], begun, used)
    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return measured(sum(counts), begun, used)


def measured(done: int, begun: float, used: float) -> Rate:
    """The rate since `begun`, when the process had used that much processor time."""
    return Rate(done / (time.perf_counter() - begun), (processor_time() - used) / done)


def processor_time() -> float:
    """Seconds that this process, all its threads, has used so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
