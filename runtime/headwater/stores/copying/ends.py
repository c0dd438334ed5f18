"""What a copy needs of the database at either end: rows of the tables, as plain values.

A value is the same at every kind of database: text, whole numbers (of a boolean 0 and 1, of a
moment the microseconds since 1970), bytes (of a UUID its 16), or `None`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from headwater.schema.tables import Table

__all__ = ["Row", "Source", "Target", "Value", "order_of"]

Value: TypeAlias = int | str | bytes | None
Row: TypeAlias = tuple[Value, ...]


def order_of(table: Table) -> tuple[int, ...]:
    """Where in a row the columns of the primary key are."""
    places = {column.name: place for place, column in enumerate(table.columns)}
    return tuple(places[name] for name in table.primary_key)


class End(Protocol):
    """A database that takes part in a copy."""

    async def page(self, table: Table, within: Row, after: Row, limit: int) -> list[Row]:
        """Up to `limit` rows in the order of the primary key, texts compared byte by byte.

        Only those whose key begins with `within`, and goes on with more than `after`; an empty
        `after` means from the first.
        """

    async def count(self, table: Table) -> int:
        """How many rows the table has."""

    async def serials(self) -> dict[str, int]:
        """The highest number given so far, of each table that numbers its rows."""

    async def close(self) -> None:
        """Let go of it, and of what was not finished in it."""


class Source(End, Protocol):
    """Where the rows come from."""


class Target(End, Protocol):
    """Where the rows go."""

    async def last(self, table: Table, within: Row) -> Row:
        """The end of the last key that begins with `within`; empty where there is none."""

    async def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Have these rows too: all of them or none."""

    async def clear(self, table: Table, within: Row) -> None:
        """Forget the rows whose key begins with `within`."""

    async def finish(self, serials: dict[str, int]) -> None:
        """Go on numbering above these, and be open to services from now on."""
