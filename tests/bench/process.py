"""Run a command and say what it cost, by the operating system's own accounting."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "Samples", "interleaved", "run"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one finished process cost."""

    wall: float  # seconds
    processor: float  # seconds, user and system
    memory: float  # MiB, the largest resident set of the process and of its children


@dataclass(slots=True)
class Samples:
    """The costs of one case, run by run."""

    costs: list[Cost]

    def wall(self) -> float:
        """Return the median wall time in seconds."""
        return statistics.median(cost.wall for cost in self.costs)

    def memory(self) -> float:
        """Return the median peak memory in MiB."""
        return statistics.median(cost.memory for cost in self.costs)

    def ratio(self, other: Samples) -> float:
        """Return the median of the pairwise ratios of wall time, this to the other."""
        pairs = zip(self.costs, other.costs, strict=True)
        return statistics.median(mine.wall / theirs.wall for mine, theirs in pairs)


def run(command: Sequence[str], cwd: Path) -> Cost:
    """Run the command to its end, its output thrown away.

    Raises:
        RuntimeError: It exited with another status than 0; the message holds what it printed.
    """
    # Bytecode is kept for Headwater as it is for what is installed: that is how it runs elsewhere.
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited {process.returncode}:\n{output.decode()}")
    scale = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale)


def interleaved(rounds: int, cases: dict[str, Callable[[], Cost]]) -> dict[str, Samples]:
    """Run every case once a round, in turn, so that a drift of the machine meets all alike."""
    samples = {name: Samples([]) for name in cases}
    for number in range(rounds + 1):
        for name, case in cases.items():
            cost = case()
            if number:  # the first round only warms the machine up
                samples[name].costs.append(cost)
    return samples
