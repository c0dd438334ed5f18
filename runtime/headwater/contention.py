"""Whether somebody else was in the way of a transaction, so that the same one may well succeed."""

from __future__ import annotations

import sqlite3

from .errors import TransactionBudgetError

__all__ = ["is_contention"]

# Serialization failure, deadlock, and a lock that was waited for too long.
SQLSTATES = frozenset({"40001", "40P01", "55P03"})
OF_SQLITE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def is_contention(error: BaseException) -> bool:
    """Whether that is what it comes from, as a driver has told it."""
    if isinstance(error, TransactionBudgetError):  # it would take as long again
        return False
    found: BaseException | None = error
    while found is not None:
        if getattr(found, "sqlstate", None) in SQLSTATES:
            return True
        code = getattr(found, "sqlite_errorcode", None)
        if isinstance(code, int) and code & 0xFF in OF_SQLITE:
            return True
        found = found.__cause__
    return False
