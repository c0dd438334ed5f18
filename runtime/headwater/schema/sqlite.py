"""The tables in SQLite's words. A moment is microseconds since 1970 in UTC, a UUID its 16 bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .operations import (
    AddColumn,
    AddIndex,
    CreateTable,
    DropColumn,
    DropIndex,
    DropTable,
    TableOperation,
    Tables,
    literal,
    replay,
)
from .tables import TABLES, Column, ColumnType, Index, Table

__all__ = ["CREATE_REVISIONS", "INSERT_REVISION", "described", "operation_statements", "statements"]

CREATE_REVISIONS = """
CREATE TABLE headwater_revisions (
  version_num VARCHAR(32) NOT NULL,
  CONSTRAINT headwater_revisions_pkc PRIMARY KEY (version_num)
)
"""

INSERT_REVISION = """
INSERT INTO headwater_revisions (version_num)
VALUES (?)
"""

_TYPES = {
    ColumnType.TEXT: "TEXT",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.BOOLEAN: "INTEGER",
    ColumnType.BYTES: "BLOB",
    ColumnType.UUID: "BLOB",
    ColumnType.MOMENT: "INTEGER",
}


def statements(tables: Iterable[Table] = TABLES) -> Iterator[str]:
    """What makes an empty file a store: one statement a table and one an index."""
    for table in tables:
        yield _table(table)
        for index in table.indexes:
            yield _index(table, index)


def described(table: Table) -> dict[str, str]:
    """The table's parts in SQLite's words, by what each is called in a message."""
    parts = {f"column {one.name}": _column(one) for one in table.columns}
    parts["primary key"] = ", ".join(table.primary_key)
    parts["options"] = _options(table)
    for index in table.indexes:
        parts[f"index {index.name}"] = str(index)
    return parts


def operation_statements(operation: TableOperation, before: Tables) -> Iterator[str]:
    """What carries out an operation on tables that are as given.

    SQLite cannot change a column: the table is made anew, and its rows are copied.
    """
    match operation:
        case CreateTable(table):
            yield from statements([table])
        case DropTable(table):
            yield f"DROP TABLE {table.name}"
        case AddIndex(name, index):
            yield _index(before[name], index)
        case DropIndex(_, index):
            yield f"DROP INDEX {index.name}"
        case AddColumn(name, column, value):
            values = {one.name: one.name for one in before[name].columns}
            values[column.name] = literal(value)
            yield from _copied(replay(before, [operation])[name], values)
        case DropColumn(name, column, _):
            kept = (one.name for one in before[name].columns if one != column)
            yield from _copied(replay(before, [operation])[name], {one: one for one in kept})


def _copied(table: Table, values: dict[str, str]) -> Iterator[str]:
    """Make the table anew, under its own name; names and values are the revision's, not input."""
    new = f"{table.name}_new"
    yield _table(table).replace(f"CREATE TABLE {table.name} ", f"CREATE TABLE {new} ", 1)
    columns = ", ".join(values)
    expressions = ", ".join(values.values())
    yield f"INSERT INTO {new} ({columns}) SELECT {expressions} FROM {table.name}"  # noqa: S608
    if any(column.type is ColumnType.SERIAL for column in table.columns):
        # The numbers of deleted rows are not given again.
        yield f"DELETE FROM sqlite_sequence WHERE name = '{new}'"  # noqa: S608
        yield (
            f"INSERT INTO sqlite_sequence (name, seq) SELECT '{new}', seq "  # noqa: S608
            f"FROM sqlite_sequence WHERE name = '{table.name}'"
        )
    yield f"DROP TABLE {table.name}"
    yield f"ALTER TABLE {new} RENAME TO {table.name}"
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
        else:
            lines.append(f"{column.name} {_column(column)}")
    if not has_serial:
        lines.append(f"PRIMARY KEY ({', '.join(table.primary_key)})")
    body = ",\n  ".join(lines)
    return f"CREATE TABLE {table.name} (\n  {body}\n) {_options(table)}"


def _column(column: Column) -> str:
    if column.type is ColumnType.SERIAL:
        return "INTEGER AUTOINCREMENT"
    words = _TYPES[column.type]
    if not column.nullable:
        words += " NOT NULL"
    if column.type is ColumnType.BOOLEAN:
        words += f" CHECK ({column.name} IN (0, 1))"
    return words


def _options(table: Table) -> str:
    has_serial = any(column.type is ColumnType.SERIAL for column in table.columns)
    return "STRICT" if has_serial else "STRICT, WITHOUT ROWID"


def _index(table: Table, index: Index) -> str:
    unique = "UNIQUE " if index.unique else ""
    where = f" WHERE {index.where_not_null} IS NOT NULL" if index.where_not_null else ""
    return f"CREATE {unique}INDEX {index.name} ON {table.name} ({', '.join(index.columns)}){where}"
