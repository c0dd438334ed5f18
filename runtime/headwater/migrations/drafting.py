"""Write the runtime's next revision: what tells the declared tables from those of the last one.

    python -m headwater.migrations.drafting sent_commands

It is a draft: read it, and give each column that is new a value for the rows that are there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from headwater.schema.operations import (
    AddColumn,
    AddIndex,
    CreateTable,
    DropColumn,
    DropIndex,
    DropTable,
    Operation,
    Tables,
)
from headwater.schema.revisions import RUNTIME
from headwater.schema.tables import TABLES, Column, Index, Table

from .history import History

__all__ = ["changes", "main", "render"]

_PAGE = '''"""{title}."""

from __future__ import annotations

from headwater.migrations.execution import carry_out, take_back
from headwater.schema.operations import {names}
{tables}
revision = "{revision}"
down_revision = {parent}
branch_labels = None
depends_on = None

OPERATIONS = (
{operations}
)


def upgrade() -> None:
    """Carry out the operations."""
    carry_out(down_revision, OPERATIONS)


def downgrade() -> None:
    """Undo them, the last one first."""
    take_back(down_revision, OPERATIONS)
'''


def changes(before: Tables, after: Tables) -> Iterator[Operation]:
    """What makes the later tables of the earlier ones."""
    yield from (CreateTable(table) for name, table in after.items() if name not in before)
    yield from (DropTable(table) for name, table in before.items() if name not in after)
    for name, table in after.items():
        if (old := before.get(name)) is None:
            continue
        if (old.primary_key, old.is_hot) != (table.primary_key, table.is_hot):
            raise SystemExit(f"{name}: its key or room has changed, which no operation can do yet")
        for index in old.indexes:
            if index not in table.indexes:
                yield DropIndex(name, index)
        for column in old.columns:
            if column not in table.columns:
                yield DropColumn(name, column)
        for column in table.columns:
            if column not in old.columns:
                yield AddColumn(name, column)
        for index in table.indexes:
            if index not in old.indexes:
                yield AddIndex(name, index)


def main(arguments: Sequence[str]) -> int:
    """Write the file and print where it is; status 1 if there is nothing to write."""
    if len(arguments) != 1 or not arguments[0].isidentifier():
        sys.stderr.write("give the revision a name, such as sent_commands\n")
        return 2
    history = History()
    operations = tuple(changes(history.tables(), {table.name: table for table in TABLES}))
    if not operations:
        sys.stdout.write("the tables are those of the last revision\n")
        return 1
    number = len(history.runtime) + 1
    parent = history.runtime[-1] if history.runtime else None
    path = Path(__file__).parent / "versions" / f"r{number:04}_{arguments[0]}.py"
    revision = f"{RUNTIME}.{number:04}"
    path.write_text(render(arguments[0], revision, parent, operations), encoding="utf-8")
    sys.stdout.write(f"{path}\nset REVISION in headwater/schema/revisions.py to {revision}\n")
    return 0


def render(name: str, revision: str, parent: str | None, operations: Sequence[Operation]) -> str:
    """The text of a revision, before it is formatted."""
    written = "\n".join(f"    {_operation(one)}," for one in operations)
    tables = [name for name in ("Column", "ColumnType", "Index", "Table") if f"{name}" in written]
    return _PAGE.format(
        title=name.replace("_", " ").capitalize(),
        names=", ".join(sorted({type(one).__name__ for one in operations})),
        tables=f"from headwater.schema.tables import {', '.join(tables)}\n" if tables else "",
        revision=revision,
        parent=f'"{parent}"' if parent else "None",
        operations=written,
    )


def _operation(operation: Operation) -> str:
    match operation:
        case CreateTable(table) | DropTable(table):
            inner = _table(table)
        case AddColumn(table, column, value) | DropColumn(table, column, value):
            inner = f'"{table}", {_column(column)}, {value!r}'
        case AddIndex(table, index) | DropIndex(table, index):
            inner = f'"{table}", {_index(index)}'
        case _:
            raise TypeError(operation)
    return f"{type(operation).__name__}({inner})"


def _table(table: Table) -> str:
    columns = "".join(f"{_column(one)}," for one in table.columns)
    text = f'Table("{table.name}", ({columns}), {_names(table.primary_key)}'
    if table.indexes:
        text += f", indexes=({''.join(f'{_index(one)},' for one in table.indexes)})"
    return f"{text}, is_hot=True)" if table.is_hot else f"{text})"


def _column(column: Column) -> str:
    nullable = ", nullable=True" if column.nullable else ""
    return f'Column("{column.name}", ColumnType.{column.type.name}{nullable})'


def _index(index: Index) -> str:
    unique = ", unique=True" if index.unique else ""
    where = f', where_not_null="{index.where_not_null}"' if index.where_not_null else ""
    return f'Index("{index.name}", {_names(index.columns)}{unique}{where})'


def _names(names: Sequence[str]) -> str:
    return str(tuple(names))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
