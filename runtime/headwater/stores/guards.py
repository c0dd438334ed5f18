"""What a unit has to hold against, the same in every store."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.errors import (
    IdempotencyConflictError,
    RejectedError,
    VersionConflictError,
    WorkflowEndedError,
    WorkflowExistsError,
    WorkflowNotFoundError,
)

from .contract import (
    Answer,
    Append,
    Committed,
    Exactly,
    Expect,
    FeedKey,
    IdempotencyKey,
    Outcome,
    Rejected,
    WorkflowState,
)

__all__ = ["answered", "failed_expectation", "feed_name"]


def answered(key: IdempotencyKey, known: Answer) -> Outcome:
    """The outcome of a unit whose idempotency key is known."""
    if key.answer.fingerprint != known.fingerprint:
        return Rejected(IdempotencyConflictError(key.key))
    return Committed((), earlier=known)


def failed_expectation(
    append: Append, workflow: tuple[str, str], state: WorkflowState
) -> Iterator[RejectedError]:
    """What keeps the append from being written to a workflow in this state."""
    if append.expect is Expect.NEW and state.version:
        yield WorkflowExistsError(*workflow)
    if append.expect is Expect.EXISTS and not state.version:
        yield WorkflowNotFoundError(*workflow)
    if state.ended:
        yield WorkflowEndedError(*workflow)
    if isinstance(append.expect, Exactly) and append.expect.version != state.version:
        yield VersionConflictError(*workflow, append.expect.version, state.version)
    if any(event.terminal for event in append.events[:-1]):
        yield WorkflowEndedError(*workflow)


def feed_name(key: FeedKey) -> str:
    """The feed in an error's words."""
    return key.subscription if key.consumer is None else f"{key.subscription}/{key.consumer}"
