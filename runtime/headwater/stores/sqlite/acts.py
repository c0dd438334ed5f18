"""What operators did, a row for each act."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from headwater.stores.operating import Act, detail_text

from .rows import from_microseconds
from .transaction import Transaction

__all__ = ["read_acts", "write_act"]

_INSERT_ACT = """
INSERT INTO audit (acted_at, act, subject, detail, actor)
VALUES (?, ?, ?, ?, ?)
"""

_SELECT_ACTS = """
SELECT act_id, acted_at, act, subject, detail, actor
  FROM audit
 ORDER BY act_id DESC
 LIMIT ?
"""


def write_act(
    transaction: Transaction, act: str, subject: str, detail: Mapping[str, Any], actor: str
) -> None:
    """Keep what was done, in the transaction that does it."""
    transaction.connection.execute(
        _INSERT_ACT, (transaction.now, act, subject, detail_text(detail), actor)
    )


def read_acts(connection: sqlite3.Connection, limit: int) -> list[Act]:
    """The newest acts, oldest first."""
    rows = connection.execute(_SELECT_ACTS, (limit,)).fetchall()
    return [
        Act(
            id=row[0],
            at=from_microseconds(row[1]),
            what=row[2],
            subject=row[3],
            detail=json.loads(row[4]),
            actor=row[5],
        )
        for row in reversed(rows)
    ]
