"""A history of the runtime's tables with more revisions than there are, and what to try it on."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from headwater.migrations.drafting import render
from headwater.migrations.history import OWN, History
from headwater.schema.operations import (
    AddColumn,
    AddIndex,
    CreateTable,
    DropColumn,
    DropIndex,
    Operation,
)
from headwater.schema.revisions import RUNTIME
from headwater.schema.sqlite import CREATE_REVISIONS
from headwater.schema.tables import CURSORS, Column, ColumnType, Index, Table
from headwater.stores.sqlite.file import APPLICATION_ID, STAMPED

__all__ = ["LATER", "blank_file", "later_history"]

_PARCELS = Table(
    "parcels",
    (Column("number", ColumnType.SERIAL), Column("label", ColumnType.TEXT, nullable=True)),
    ("number",),
    (Index("parcels_by_label", ("label",), where_not_null="label"),),
)
_BY_STREAM = next(one for one in CURSORS.indexes if one.name == "cursors_by_stream")

LATER: tuple[tuple[Operation, ...], ...] = (
    (CreateTable(_PARCELS),),
    (
        AddColumn("cursors", Column("keeper", ColumnType.TEXT), "it's nobody"),
        AddColumn("workflows", Column("closed", ColumnType.BOOLEAN), value=False),
        AddColumn("workflows", Column("note", ColumnType.TEXT, nullable=True)),
        AddIndex("cursors", Index("cursors_by_keeper", ("keeper", "stream"))),
        DropIndex("cursors", _BY_STREAM),
    ),
    (DropColumn("cursors", Column("skipped", ColumnType.INTEGER), 0),),
)
"""What revisions after the runtime's own do, one after the other."""


def later_history(folder: Path, count: int = len(LATER)) -> History:
    """The runtime's revisions, and this many of the later ones."""
    folder.mkdir()
    for path in OWN.glob("r*.py"):
        shutil.copy(path, folder)
    parent = History().runtime[-1]
    for operations in LATER[:count]:
        revision = f"{RUNTIME}.{int(parent[-4:]) + 1:04}"
        text = render(f"later {revision}", revision, parent, operations)
        (folder / f"r{revision[-4:]}.py").write_text(text)
        parent = revision
    return History(own=folder)


def blank_file(path: Path) -> str:
    """The URL of a file that is Headwater's, and has been through no revision."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {STAMPED}")
    connection.execute(CREATE_REVISIONS)
    connection.close()
    return f"sqlite:///{path}"
