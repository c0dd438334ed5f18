"""What an error of the driver means: rolled back by the server, or nobody can tell.

A server that reports an error has rolled back. A wire that breaks, or a server that says goodbye,
while something is being committed leaves it open whether it was.
"""

from __future__ import annotations

import asyncio

import asyncpg
from headwater.errors import HandlerFailedError, OutcomeUnknownError, StoreUnavailableError

__all__ = [
    "BrokenWireError",
    "handler_failure",
    "is_about_the_work",
    "is_rolled_back",
    "is_unsent",
    "is_unwritable",
    "is_worth_another_try",
    "reason_of",
    "server_error",
    "unavailable",
    "unknown",
]

# What a server says when the same work may well succeed a moment later.
SERIALIZATION_FAILURE, DEADLOCK, LOCK_NOT_AVAILABLE = "40001", "40P01", "55P03"
UNIQUE_VIOLATION, CANCELLED, CANNOT_CONNECT_NOW = "23505", "57014", "57P03"
STALE_PLAN, NO_SUCH_STATEMENT, READ_ONLY = "0A000", "26000", "25006"
FAILED_TRANSACTION = "25P02"
INSUFFICIENT_RESOURCES = "53"
PASSING = {
    SERIALIZATION_FAILURE,
    DEADLOCK,
    LOCK_NOT_AVAILABLE,
    UNIQUE_VIOLATION,  # two processes began the same: the second look sees what the first did
    CANCELLED,  # by `statement_timeout`
    CANNOT_CONNECT_NOW,
    STALE_PLAN,
    NO_SUCH_STATEMENT,
    READ_ONLY,  # the server was demoted; a new connection finds the new one
}

# Of what is only checked at the commit: constraints, and what triggers raise or stumble over.
INTEGRITY, DATA, RAISED_BY_A_TRIGGER = "23", "22", "P0"


class BrokenWireError(ConnectionError):
    """The connection is of no more use: it broke, or did not answer in time and was cut."""


def is_rolled_back(error: BaseException) -> bool:
    """Whether the server has reported it, so that nothing of the transaction is there.

    The farewell of a backend that is terminated (`FATAL`) may come just after a commit, and does
    not count; neither does anything that the driver says by itself.
    """
    return isinstance(error, asyncpg.PostgresError) and error.severity_en == "ERROR"


def is_unsent(error: BaseException) -> bool:
    """Whether the driver refused to send it: the server was just saying goodbye."""
    return isinstance(error, asyncpg.InternalClientError) and "switch to state" in str(error)


def is_worth_another_try(error: BaseException) -> bool:
    """Whether the same work, not done, may succeed when it is done again."""
    return is_unsent(error) or (
        isinstance(error, asyncpg.PostgresError)
        and (error.sqlstate in PASSING or str(error.sqlstate).startswith(INSUFFICIENT_RESOURCES))
    )


def is_unwritable(error: BaseException) -> bool:
    """Whether a value was at fault, so that other work beside it can be written.

    The driver's own kind is raised before anything was sent.
    """
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return (error.severity_en is None and isinstance(error, asyncpg.DataError)) or (
            error.severity_en == "ERROR" and state[:2] in {"22", "54"}
        )
    return isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)


def is_about_the_work(error: BaseException | None) -> bool:
    """Whether other work beside it could have been written."""
    if error is None:
        return False
    if is_unwritable(error):
        return True
    return is_rolled_back(error) and (
        getattr(error, "sqlstate", None) == UNIQUE_VIOLATION or not is_worth_another_try(error)
    )


def handler_failure(error: BaseException, *, at_commit: bool) -> HandlerFailedError | None:
    """A handler's failure, if that is why its transaction could not be committed.

    A statement of its own had failed before, or `at_commit` what it wrote was refused: none of the
    store's own tables has anything that waits for that. It tells no values, and takes them off the
    driver's error, which stays as its cause.
    """
    state = str(getattr(error, "sqlstate", ""))
    if not is_rolled_back(error) or not isinstance(error, asyncpg.PostgresError):
        return None
    if state == FAILED_TRANSACTION:
        reason = "went on after a statement of its own had failed"
    elif at_commit and state[:2] in {INTEGRITY, DATA, RAISED_BY_A_TRIGGER}:
        constraint, table = error.constraint_name, error.table_name
        what = f"the constraint {constraint!r} of {table}" if constraint else "a trigger"
        reason = f"wrote what {what} refuses at the commit (SQLSTATE {state})"
    else:
        return None
    error.detail = None  # the row
    failure = HandlerFailedError("the handler", reason)
    failure.__cause__ = error
    return failure


def server_error(error: BaseException) -> BaseException:
    """The driver's error behind one of SQLAlchemy's, where there is one."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, asyncpg.PostgresError | asyncpg.InterfaceError):
            break
        found = found.__cause__
    return found or error


def reason_of(error: BaseException) -> str:
    """What happened, without the values that it happened to."""
    if isinstance(error, asyncpg.PostgresError) and error.severity_en is not None:
        return f"{error.message} (SQLSTATE {error.sqlstate})"
    if is_unwritable(error):
        cause = error.__cause__
        return f"a value cannot be stored: {type(cause or error).__name__}"
    if isinstance(error, asyncio.TimeoutError):
        return "the server did not answer in time"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def unavailable(error: BaseException) -> StoreUnavailableError:
    """The rejection that the error means: nothing was written."""
    if isinstance(error, StoreUnavailableError):
        return error
    rejection = StoreUnavailableError(reason_of(error))
    rejection.__cause__ = error
    return rejection


def unknown(error: BaseException) -> OutcomeUnknownError:
    """The third outcome: the error came while committing."""
    outcome = OutcomeUnknownError(f"the store failed while committing: {reason_of(error)}")
    outcome.__cause__ = error
    return outcome
