"""Print what was measured as tables: `make bench`, or some of it with `BENCH_ARGS="appends"`."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from . import (
    appends,
    broker,
    costs,
    exactly_once,
    fanout,
    generator,
    groups,
    postgres,
    reads,
    retention,
    upcasts,
)
from .scale import Scale

SUITES = {
    "generator": generator.measure,
    "appends": appends.measure,
    "reads": reads.measure,
    "upcasts": upcasts.measure,
    "costs": costs.measure,
    "exactly_once": exactly_once.measure,
    "fanout": fanout.measure,
    "postgres": postgres.measure,
    "groups": groups.measure,
    "retention": retention.measure,
    "broker": broker.measure,
}


def main() -> None:
    """Measure the suites that are named, or all, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--rounds", type=int, default=7, help="pairs for each figure (7)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement (1)")
    arguments = parser.parse_args()
    if unknown := {*arguments.suites} - {*SUITES}:
        parser.error(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    scale = Scale(arguments.rounds, arguments.seconds)
    for name in arguments.suites or SUITES:
        table = Table("case", "figure", "goal", title=name)
        with Console(stderr=True).status(f"measuring {name}"):
            for row in SUITES[name](scale):
                table.add_row(*row)
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
