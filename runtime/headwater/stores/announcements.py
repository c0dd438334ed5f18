"""What is logged of a store: which streams it has now, and what was published to them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from headwater.streams import Stream

from .contract import Committed, Unit

__all__ = ["announce_published", "announce_streams"]

logger = logging.getLogger("headwater.streams")


def announce_streams(created: Iterable[Stream]) -> None:
    """Tell of streams that were not there before."""
    for stream in created:
        logger.info("stream created", extra={"stream": stream.name, "type": stream.type.value})


def announce_published(unit: Unit, committed: Committed) -> None:
    """Tell of the events that were written with a unit; none if an earlier one had its key."""
    if not (unit.appends and logger.isEnabledFor(logging.INFO)):
        return
    written = ((append, event) for append in unit.appends for event in append.events)
    for (append, event), offset in zip(written, committed.offsets, strict=False):
        logger.info(
            "event published",
            extra={
                "stream": append.stream,
                "offset": offset,
                "event": event.name,
                "version": event.version,
                "event_id": str(event.id),
                "workflow": append.workflow,
                "workflow_id": append.workflow_id,
                "command": event.metadata.command,
                "request_id": event.metadata.request_id,
            },
        )
