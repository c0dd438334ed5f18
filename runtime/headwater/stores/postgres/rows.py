"""Between what the tables hold and what the contract speaks of."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from headwater.events import Metadata, RecordedEvent

__all__ = ["metadata_text", "recorded_event"]


@lru_cache(maxsize=1024)
def metadata_text(metadata: Metadata) -> str:
    """The metadata as it is stored."""
    fields = {"command": metadata.command, "request_id": metadata.request_id}
    return json.dumps({name: value for name, value in fields.items() if value is not None})


@lru_cache(maxsize=1024)
def _metadata(text: str) -> Metadata:
    fields = json.loads(text)
    return Metadata(command=fields.get("command"), request_id=fields.get("request_id"))


def recorded_event(row: Any) -> RecordedEvent:
    """The event in a row that begins with the columns of `events`, in the table's order."""
    return RecordedEvent(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        row[7],
        row[8],
        row[9],
        _metadata(row[10]),
    )
