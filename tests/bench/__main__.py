"""Print what was measured as a table: `make bench`."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from . import generator

SUITES = {"generator": generator.measure}


def main() -> None:
    """Measure every suite, one after the other."""
    for name, measure in SUITES.items():
        table = Table("case", "figure", "goal", title=name)
        with Console(stderr=True).status(f"measuring {name}"):
            for row in measure():
                table.add_row(*row)
        Console(width=110).print(table)


if __name__ == "__main__":
    main()
