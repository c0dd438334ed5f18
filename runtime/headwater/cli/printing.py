"""What the verbs print: tables for people, JSON lines for programs, nothing that moves a cursor."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["moment", "printable", "write_json", "write_line", "write_table"]

WIDE = 10_000  # columns of what is no terminal: nothing is cut or wrapped there

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(value: object) -> str:
    """One line that shows the value, whatever it holds; `-` for nothing."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value)
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], str(value))


def moment(time: datetime) -> str:
    """The time as everywhere here: `2030-01-31T12:00:00.000001Z`."""
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def write_line(text: str) -> None:
    """Write a line to stdout."""
    sys.stdout.write(f"{text}\n")


def write_json(lines: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line to stdout."""
    for line in lines:
        write_line(json.dumps(line, default=_as_text))


def write_table(rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Write the rows to stdout, under their keys; or the sentence that there are none."""
    if not rows:
        write_line(empty)
        return
    is_terminal = sys.stdout.isatty()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for key, value in rows[0].items():
        is_number = isinstance(value, int) and not isinstance(value, bool)
        table.add_column(key.replace("_", " "), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(Text(printable(value)) for value in row.values()))
    Console(file=sys.stdout, width=None if is_terminal else WIDE, highlight=False).print(table)


def _as_text(value: object) -> str:
    return moment(value) if isinstance(value, datetime) else str(value)
