"""Stored commands: each function is one step of the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any

from headwater.stores.contract import FailedCommand, SentCommand, Taken
from headwater.stores.operating import by_command

from .acts import write_act
from .rows import occasion_of
from .transaction import Transaction

__all__ = [
    "nothing_to_take",
    "postpone_command",
    "read_failed_commands",
    "retry_commands",
    "take_commands",
]

_TAKE = """
UPDATE sent_commands
   SET due_at = ?, attempts = attempts + 1
 WHERE key IN (SELECT key
                 FROM sent_commands
                WHERE due_at <= ?
                ORDER BY due_at, key
                LIMIT ?)
RETURNING key, name, body, request_id, attempts, kind, stream, stream_offset
"""

_SELECT_NEXT_DUE = """
SELECT min(due_at)
  FROM sent_commands
"""


def take_commands(transaction: Transaction, limit: int, lease: int) -> Taken:
    """The commands that are due; they are due again after the lease."""
    rows = transaction.connection.execute(
        _TAKE, (transaction.now + lease, transaction.now, limit)
    ).fetchall()
    commands = tuple(_command(row) for row in sorted(rows))
    return Taken(commands, _next_due(transaction))


def _command(row: Sequence[Any]) -> SentCommand:
    key, name, body, request_id, attempts, *occasion = row
    return SentCommand(
        key=key,
        name=name,
        body=body,
        request_id=request_id,
        attempts=attempts,
        occasion=occasion_of(*occasion),
    )


def nothing_to_take(transaction: Transaction) -> Taken | None:
    """The answer to `take_commands` if none is due."""
    due = _next_due(transaction)
    return None if due is not None and due <= 0 else Taken((), due)


def _next_due(transaction: Transaction) -> float | None:
    [due] = transaction.connection.execute(_SELECT_NEXT_DUE).fetchone()
    return None if due is None else (due - transaction.now) / 1_000_000


_POSTPONE = """
UPDATE sent_commands
   SET due_at = ?, error = ?
 WHERE key = ?
"""


def postpone_command(transaction: Transaction, key: str, error: str, delay: int | None) -> None:
    """Have the command due again after the delay, or never."""
    due = None if delay is None else transaction.now + delay
    transaction.connection.execute(_POSTPONE, (due, error, key))
    transaction.sent = True


_RETRY = """
UPDATE sent_commands
   SET due_at = ?, attempts = 0
 WHERE key = ? AND due_at IS NULL
RETURNING name, key
"""


def retry_commands(transaction: Transaction, keys: Collection[str], actor: str) -> int:
    """Have commands that were given up due at once."""
    transaction.sent = True
    retried = [
        row
        for key in set(keys)
        for row in transaction.connection.execute(_RETRY, (transaction.now, key)).fetchall()
    ]
    for name, theirs in by_command(retried):
        write_act(transaction, "retry", name, {"commands": theirs}, actor)
    return len(retried)


_SELECT_FAILED = """
SELECT key, name, body, request_id, attempts, kind, stream, stream_offset, error
  FROM sent_commands
 WHERE due_at IS NULL
 ORDER BY sent_at, key
"""


def read_failed_commands(connection: sqlite3.Connection) -> list[FailedCommand]:
    """The commands that were given up, oldest first."""
    return [
        FailedCommand(_command(command), error)
        for *command, error in connection.execute(_SELECT_FAILED)
    ]
