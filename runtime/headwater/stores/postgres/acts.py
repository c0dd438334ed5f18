"""What operators did, a row for each act."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headwater.stores.operating import Act, detail_text

from .wire import Row, Wire

__all__ = ["SELECT_ACTS", "act", "write_act"]

_INSERT_ACT = """
INSERT INTO audit (acted_at, act, subject, detail, actor)
VALUES (coalesce($1::timestamptz, clock_timestamp()), $2, $3, $4, $5)
"""

SELECT_ACTS = """
SELECT *
  FROM (SELECT act_id, acted_at, act, subject, detail, actor
          FROM audit
         ORDER BY act_id DESC
         LIMIT $1) AS newest
 ORDER BY act_id
"""


async def write_act(
    wire: Wire,
    now: datetime | None,
    what: str,
    subject: str,
    detail: Mapping[str, Any],
    actor: str,
) -> None:
    """Keep what was done, in the transaction that does it."""
    await wire.fetch(_INSERT_ACT, now, what, subject, detail_text(detail), actor)


def act(row: Row) -> Act:
    """The act in a row of `SELECT_ACTS`."""
    return Act(
        id=row["act_id"],
        at=row["acted_at"],
        what=row["act"],
        subject=row["subject"],
        detail=json.loads(row["detail"]),
        actor=row["actor"],
    )
