"""An event's metadata as stores keep it: a JSON object of what is there."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache

from headwater.events import Metadata

__all__ = ["metadata_of", "metadata_text"]


@lru_cache(maxsize=1024)
def metadata_text(metadata: Metadata) -> str:
    """The metadata as it is stored."""
    fields = {
        "command": metadata.command,
        "request_id": metadata.request_id,
        "occurred_at": metadata.occurred_at and metadata.occurred_at.isoformat(),
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None})


@lru_cache(maxsize=1024)
def metadata_of(text: str) -> Metadata:
    """The metadata that was stored."""
    fields = json.loads(text)
    occurred_at = fields.get("occurred_at")
    return Metadata(
        command=fields.get("command"),
        request_id=fields.get("request_id"),
        occurred_at=occurred_at and datetime.fromisoformat(occurred_at),
    )
