"""The tables that an SQLite file really has, in the words in which they are declared."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable

from headwater.schema.differences import Parts, differences
from headwater.schema.sqlite import described
from headwater.schema.tables import TABLES, Index, Table

__all__ = ["found_differences", "found_tables"]


def found_differences(
    connection: sqlite3.Connection, tables: Iterable[Table] = TABLES
) -> list[str]:
    """What tells the file's tables from the declared ones; those of others are not looked at."""
    declared = {table.name: described(table) for table in tables}
    return list(differences(declared, found_tables(connection, declared)))


def found_tables(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, Parts]:
    """The parts of those of the tables that are there."""
    found: dict[str, Parts] = {}
    for name in names:
        row = connection.execute(
            "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)
        ).fetchone()
        if row is not None:
            found[name] = _parts(connection, name, row[0])
    return found


def _parts(connection: sqlite3.Connection, table: str, sql: str) -> Parts:
    text = re.sub(r"\s+", " ", sql)
    parts: dict[str, str] = {}
    key: list[tuple[int, str]] = []
    for _, name, kind, not_null, default, place, _ in connection.execute(
        f"PRAGMA table_xinfo({table})"
    ):
        if place:
            key.append((place, name))
        words = kind
        if re.search(rf"\b{name} INTEGER PRIMARY KEY AUTOINCREMENT", text):
            words += " AUTOINCREMENT"
        if not_null:
            words += " NOT NULL"
        if default is not None:
            words += f" DEFAULT {default}"
        if f"CHECK ({name} IN (0, 1))" in text:
            words += f" CHECK ({name} IN (0, 1))"
        parts[f"column {name}"] = words
    parts["primary key"] = ", ".join(name for _, name in sorted(key))
    parts["options"] = text.rpartition(")")[2].strip()
    for _, name, unique, origin, _ in connection.execute(f"PRAGMA index_list({table})").fetchall():
        if origin == "c":
            parts[f"index {name}"] = str(_index(connection, name, unique=bool(unique)))
    return parts


def _index(connection: sqlite3.Connection, name: str, *, unique: bool) -> Index:
    columns = tuple(row[2] for row in connection.execute(f"PRAGMA index_info({name})"))
    [sql] = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    where = re.search(r" WHERE (\w+) IS NOT NULL$", sql)
    return Index(name, columns, unique, where[1] if where else None)
