"""What came of a command: what it emitted, sent and returned, or why it was refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from headwater.errors import HeadwaterError
from headwater.events import Command, Event

from .differences import differences, in_order

__all__ = ["Decision", "require_error", "require_sent"]

R = TypeVar("R")
X = TypeVar("X", bound=BaseException)


class Decision(Generic[R]):
    """What a command's handler decided. Each `then_` fails the test where it was otherwise."""

    def __init__(
        self,
        command: Command[R],
        *,
        workflow_id: str | None,
        events: Sequence[Event],
        sent: Sequence[Command[Any]],
        result: R | None,
        error: HeadwaterError | None,
    ) -> None:
        self.command = command
        self.workflow_id = workflow_id
        """Of the workflow it concerned, or the correlation id of what it wrote to a stream; `None`
        where it was refused."""
        self.events = tuple(events)
        """What is recorded of it, in order."""
        self.sent = tuple(sent)
        """Commands that its handler sent, in order; they are not executed."""
        self._result = result
        self._error = error
        self.error_was_seen = False
        """Whether the test has asked for the error."""

    @property
    def error(self) -> HeadwaterError | None:
        """Why it was refused, or `None`."""
        self.error_was_seen = True
        return self._error

    @property
    def result(self) -> R:
        """What its handler returned."""
        __tracebackhide__ = True
        self._require_accepted()
        return self._result  # type: ignore[return-value]  # R where it was accepted

    def then_emitted(self, *events: Event) -> Decision[R]:
        """It emitted these events, in this order, and no others."""
        __tracebackhide__ = True
        self._require_accepted()
        if lines := in_order(events, self.events):
            raise _failure(f"{self._name} emitted something else", lines)
        return self

    def then_returned(self, result: R) -> Decision[R]:
        """Its handler returned this."""
        __tracebackhide__ = True
        self._require_accepted()
        if lines := list(differences(result, self._result)):
            raise _failure(f"{self._name} returned something else", lines)
        return self

    def then_sent(self, *commands: Command[Any]) -> Decision[R]:
        """Its handler sent these commands, in this order, and no others."""
        __tracebackhide__ = True
        self._require_accepted()
        require_sent(self._name, commands, self.sent)
        return self

    def then_nothing(self) -> Decision[R]:
        """It was accepted, and emitted and sent nothing."""
        __tracebackhide__ = True
        return self.then_emitted().then_sent()

    def then_rejected(self, error: type[X], **fields: object) -> X:
        """It was refused with this error, whose attributes have these values; returns the error.

        Nothing of it is recorded. `error` is the class of a `RejectedError`, or what the handler
        raised otherwise and the caller would get as a `HandlerFailedError`.
        """
        __tracebackhide__ = True
        self.error_was_seen = True
        if self._error is None:
            came = ", ".join(event.event_name for event in self.events) or "nothing"
            raise AssertionError(
                f"{self._name} was accepted, and {error.__name__} was expected; it emitted {came}"
            )
        causes = (self._error, self._error.__cause__)
        found = next((one for one in causes if isinstance(one, error)), None)
        return require_error(f"{self._name} was refused", error, fields, found or self._error)

    def require_error_seen(self) -> None:
        """Fail where it was refused and nobody has asked."""
        if self._error is not None and not self.error_was_seen:
            self._require_accepted()

    @property
    def _name(self) -> str:
        return self.command.command_name

    def _require_accepted(self) -> None:
        __tracebackhide__ = True
        if self._error is not None:
            self.error_was_seen = True
            raise AssertionError(
                f"{self._name} was refused: {type(self._error).__name__}: {self._error}"
            ) from self._error


def require_error(what: str, error: type[X], fields: dict[str, object], found: BaseException) -> X:
    """The error found, which has to be of this class and have these attributes."""
    __tracebackhide__ = True
    if not isinstance(found, error):
        raise AssertionError(
            f"{what} with another error\n"
            f"  expected {error.__name__}\n"
            f"  got      {type(found).__name__}: {found}"
        ) from found
    lines = []
    for name, value in fields.items():
        if not hasattr(found, name):
            lines.append(f"{name}: expected {value!r}, and {error.__name__} has no such attribute")
        else:
            lines.extend(differences(value, getattr(found, name), name))
    if lines:
        raise _failure(f"{what} with another {error.__name__}", lines) from found
    return found


def require_sent(
    what: str, expected: Sequence[Command[Any]], found: Sequence[Command[Any]]
) -> None:
    """The commands sent have to be these."""
    __tracebackhide__ = True
    if lines := in_order(expected, found):
        raise _failure(f"{what} sent something else", lines)


def _failure(what: str, lines: list[str]) -> AssertionError:
    return AssertionError("\n".join([what, *(f"  {line}" for line in lines)]))
