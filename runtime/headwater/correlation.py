"""The correlation id of the work that is being done: the id of its workflow."""

from contextvars import ContextVar

__all__ = ["correlation_id"]

correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
"""Set while a command's or a subscription's handler runs, and seen by what it calls; for logs."""
