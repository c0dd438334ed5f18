"""What a revision does to a database, as plain data: each operation has its opposite.

Operations on tables can be replayed without a database, so that the tables after any revision are
known. Those on streams and schemas add what is not there yet, and leave what is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from .tables import Column, Index, Table

__all__ = [
    "AddColumn",
    "AddIndex",
    "AddSchema",
    "AddStream",
    "CreateTable",
    "DropColumn",
    "DropIndex",
    "DropTable",
    "Operation",
    "RemoveSchema",
    "RemoveStream",
    "TableOperation",
    "Tables",
    "literal",
    "opposite",
    "replay",
]

Tables: TypeAlias = Mapping[str, Table]
Value: TypeAlias = str | int | bool | None


@dataclass(frozen=True, slots=True)
class CreateTable:
    """Make a table with its indexes."""

    table: Table


@dataclass(frozen=True, slots=True)
class DropTable:
    """Remove a table and all that is in it."""

    table: Table


@dataclass(frozen=True, slots=True)
class AddColumn:
    """Give a table another column; rows that are there have `value` in it."""

    table: str
    column: Column
    value: Value = None


@dataclass(frozen=True, slots=True)
class DropColumn:
    """Take a column, with what is in it, from a table."""

    table: str
    column: Column
    value: Value = None


@dataclass(frozen=True, slots=True)
class AddIndex:
    """Give a table an index."""

    table: str
    index: Index


@dataclass(frozen=True, slots=True)
class DropIndex:
    """Take an index from a table."""

    table: str
    index: Index


@dataclass(frozen=True, slots=True)
class AddStream:
    """Have a stream, empty where it is new."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class RemoveStream:
    """Remove a stream with its events and with whoever reads it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class AddSchema:
    """Have the JSON Schema of an event version; `digest` is of what counts in it."""

    event: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class RemoveSchema:
    """Remove the JSON Schema of an event version."""

    event: str
    version: int
    digest: str


TableOperation: TypeAlias = CreateTable | DropTable | AddColumn | DropColumn | AddIndex | DropIndex
Operation: TypeAlias = TableOperation | AddStream | RemoveStream | AddSchema | RemoveSchema


def opposite(operation: Operation) -> Operation:
    """What undoes an operation."""
    match operation:
        case CreateTable(table):
            return DropTable(table)
        case DropTable(table):
            return CreateTable(table)
        case AddColumn(table, column, value):
            return DropColumn(table, column, value)
        case DropColumn(table, column, value):
            return AddColumn(table, column, value)
        case AddIndex(table, index):
            return DropIndex(table, index)
        case DropIndex(table, index):
            return AddIndex(table, index)
        case AddStream(name, type_):
            return RemoveStream(name, type_)
        case RemoveStream(name, type_):
            return AddStream(name, type_)
        case AddSchema(event, version, digest):
            return RemoveSchema(event, version, digest)
        case RemoveSchema(event, version, digest):
            return AddSchema(event, version, digest)


def replay(tables: Tables, operations: Iterable[Operation]) -> Tables:
    """The tables after the operations, which are done to those that are given."""
    after = dict(tables)
    for operation in operations:
        match operation:
            case CreateTable(table):
                after[table.name] = table
            case DropTable(table):
                del after[table.name]
            case AddColumn(name, column, _):
                after[name] = replace(after[name], columns=(*after[name].columns, column))
            case DropColumn(name, column, _):
                kept = tuple(one for one in after[name].columns if one != column)
                after[name] = replace(after[name], columns=kept)
            case AddIndex(name, index):
                after[name] = replace(after[name], indexes=(*after[name].indexes, index))
            case DropIndex(name, index):
                rest = tuple(one for one in after[name].indexes if one != index)
                after[name] = replace(after[name], indexes=rest)
            case _:
                pass
    return after


def literal(value: Value) -> str:
    """A value as it is written in SQL."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
