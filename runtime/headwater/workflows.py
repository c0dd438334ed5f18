"""What a command's handler writes with: a workflow, or a stream where there is no workflow.

Both only collect. The runtime records what they collected once the handler has returned, all of it
or nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from .errors import EventNotAllowedError, HandlerFailedError, WorkflowEndedError
from .events import Event

__all__ = ["StreamWriter", "Workflow"]

E = TypeVar("E", bound=Event)


class Workflow(Generic[E]):
    """One instance of a business process, as a command finds it."""

    workflow_name: ClassVar[str]

    def __init__(
        self,
        id: str,  # noqa: A002  (as the attribute is called)
        version: int,
        *,
        emits: tuple[type[Event], ...],
        read_history: Callable[[], Awaitable[Sequence[E]]],
    ) -> None:
        self._id = id
        self._version = version
        self._emits = emits
        self._read_history = read_history
        self._emitted: list[E] = []
        self._is_sealed = False

    @property
    def id(self) -> str:
        """The instance's id, and the correlation id of its events."""
        return self._id

    @property
    def version(self) -> int:
        """How many events were recorded when the handler began."""
        return self._version

    @property
    def is_new(self) -> bool:
        """Whether this command starts the workflow."""
        return self._version == 0

    @property
    def emitted(self) -> Sequence[E]:
        """What was emitted so far, in order; not recorded yet."""
        return tuple(self._emitted)

    def emit(self, event: E) -> None:
        """Have the event recorded when the handler returns.

        Raises:
            HandlerFailedError: The handler has returned already, so it would be lost.
            EventNotAllowedError: The command does not declare it.
            WorkflowEndedError: A terminal event was emitted before it.
        """
        _require_open(event, self._is_sealed)
        _require_allowed(event, self._emits)
        if self._emitted and self._emitted[-1].terminal:
            raise WorkflowEndedError(self.workflow_name, self._id)
        self._emitted.append(event)

    def _seal(self) -> None:
        """Take no more events: the runtime calls this when the handler has returned."""
        self._is_sealed = True

    async def history(self) -> Sequence[E]:
        """The workflow's recorded events, oldest first, as many as `version` says.

        Raises:
            HistoryUnavailableError: Its stream is ephemeral, or the oldest of them are not kept any
                more.
        """
        return await self._read_history()


class StreamWriter(Generic[E]):
    """A stream, to write events to that belong to no workflow."""

    stream_name: ClassVar[str]

    def __init__(self, *, emits: tuple[type[Event], ...]) -> None:
        self._emits = emits
        self._emitted: list[E] = []
        self._is_sealed = False

    @property
    def emitted(self) -> Sequence[E]:
        """What was emitted so far, in order; not recorded yet."""
        return tuple(self._emitted)

    def emit(self, event: E) -> None:
        """Have the event recorded when the handler returns.

        Raises:
            HandlerFailedError: The handler has returned already, so it would be lost.
            EventNotAllowedError: The command does not declare it.
        """
        _require_open(event, self._is_sealed)
        _require_allowed(event, self._emits)
        self._emitted.append(event)

    def _seal(self) -> None:
        """Take no more events: the runtime calls this when the handler has returned."""
        self._is_sealed = True


def _require_open(event: Event, is_sealed: bool) -> None:
    if is_sealed:
        name = getattr(event, "event_name", type(event).__name__)
        raise HandlerFailedError("a handler", f"emitted {name} after it had returned; it is lost")


def _require_allowed(event: Event, emits: tuple[type[Event], ...]) -> None:
    if type(event) not in emits:
        raise EventNotAllowedError(
            getattr(event, "event_name", type(event).__name__), [one.event_name for one in emits]
        )
