"""What tells an event that comes again from another one under the same id."""

from __future__ import annotations

from hashlib import sha256

from headwater.events import RecordedEvent

__all__ = ["fingerprint_of"]


def fingerprint_of(event: RecordedEvent) -> bytes:
    """Of its name, version, workflow and data."""
    head = b"\0".join((event.name.encode(), b"%d" % event.version, event.workflow_id.encode()))
    return sha256(head + b"\0" + event.data).digest()
