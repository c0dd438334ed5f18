"""What a unit has to hold against, the same in every store."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headwater.errors import (
    ConfigurationError,
    IdempotencyConflictError,
    RejectedError,
    VersionConflictError,
    WorkflowEndedError,
    WorkflowExistsError,
    WorkflowNotFoundError,
)
from headwater.streams import StreamType

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
from .groups import PARTITIONS, Group

__all__ = ["answered", "failed_expectation", "feed_name", "partition_number", "require_log"]


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


def partition_number(key: FeedKey) -> int | None:
    """Which partition the key means, if it is one's: a consumer may be called like that too."""
    found = None if key.consumer is None else re.fullmatch(r"partition-(\d\d)", key.consumer)
    return int(found[1]) if found and int(found[1]) < PARTITIONS else None


def require_log(group: Group, kind: StreamType) -> None:
    """See that the group reads a stream which keeps what it reads.

    Raises:
        ConfigurationError: It reads an ephemeral one.
    """
    if kind is not StreamType.PERSISTENT:
        raise ConfigurationError(
            f"the consumer group {group.subscription} reads {group.stream}, which is "
            f"{kind.value}: partitions need a persistent stream"
        )
