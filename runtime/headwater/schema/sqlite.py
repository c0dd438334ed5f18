"""The tables in SQLite's words. A moment is microseconds since 1970 in UTC, a UUID its 16 bytes."""

from __future__ import annotations

from collections.abc import Iterator

from .tables import TABLES, ColumnType, Index, Table

__all__ = ["statements"]

_TYPES = {
    ColumnType.TEXT: "TEXT",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.BOOLEAN: "INTEGER",
    ColumnType.BYTES: "BLOB",
    ColumnType.UUID: "BLOB",
    ColumnType.MOMENT: "INTEGER",
}


def statements() -> Iterator[str]:
    """What makes an empty file a store: one statement a table and one an index."""
    for table in TABLES:
        yield _table(table)
        for index in table.indexes:
            yield _index(table, index)


def _table(table: Table) -> str:
    lines = []
    has_serial = False
    for column in table.columns:
        if column.type is ColumnType.SERIAL:
            has_serial = True
            # AUTOINCREMENT, because SQLite otherwise gives the number of a deleted row again.
            lines.append(f"{column.name} INTEGER PRIMARY KEY AUTOINCREMENT")
            continue
        line = f"{column.name} {_TYPES[column.type]}"
        if not column.nullable:
            line += " NOT NULL"
        if column.type is ColumnType.BOOLEAN:
            line += f" CHECK ({column.name} IN (0, 1))"
        lines.append(line)
    if not has_serial:
        lines.append(f"PRIMARY KEY ({', '.join(table.primary_key)})")
    options = "STRICT" if has_serial else "STRICT, WITHOUT ROWID"
    body = ",\n  ".join(lines)
    return f"CREATE TABLE {table.name} (\n  {body}\n) {options}"


def _index(table: Table, index: Index) -> str:
    unique = "UNIQUE " if index.unique else ""
    where = f" WHERE {index.where_not_null} IS NOT NULL" if index.where_not_null else ""
    return f"CREATE {unique}INDEX {index.name} ON {table.name} ({', '.join(index.columns)}){where}"
