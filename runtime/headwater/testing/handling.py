"""What came of an event that a handler was given: handled, to be retried, or set aside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from headwater.events import Command, Event
from headwater.stores.contract import DeadLetter

from .decision import require_error, require_sent

__all__ = ["Attempt", "Handling", "State"]

X = TypeVar("X", bound=BaseException)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of the handler."""

    number: int
    """1 at first."""

    error: BaseException | None
    """What it raised. A handler that was not done within `ack_timeout` was cancelled:
    `TimeoutError`."""


class State(Enum):
    """Where an event stands."""

    HANDLED = "handled"
    """The handler has returned, and the event is acknowledged."""

    RETRIED = "to be retried"
    """It failed and comes again."""

    DEAD_LETTERED = "a dead letter"
    """It failed as often as the subscription allows."""

    LOST = "lost"
    """It failed, and is delivered at most once."""

    WAITING = "still with its handler"
    """The handler has not returned."""


class Handling:
    """How a handler fares with one event. Each `then_` fails the test where it was otherwise."""

    def __init__(
        self,
        handler: str,
        event: Event,
        workflow_id: str,
        advance: Callable[[Handling, float], Awaitable[None]],
    ) -> None:
        self.handler = handler
        self.event = event
        self.workflow_id = workflow_id
        self.attempts: tuple[Attempt, ...] = ()
        """The runs of the handler so far."""
        self.state = State.WAITING
        self.sent: tuple[Command[Any], ...] = ()
        """Commands that the handler sent, in order; they are not executed."""
        self.dead_letter: DeadLetter | None = None
        self.error_was_seen = False
        """Whether the test has asked whether it failed."""
        self._advance = advance

    def take_note(
        self,
        attempts: Sequence[Attempt],
        state: State,
        sent: Sequence[Command[Any]],
        dead_letter: DeadLetter | None,
    ) -> None:
        """Have come so far."""
        self.attempts, self.state, self.dead_letter = tuple(attempts), state, dead_letter
        self.sent += tuple(sent)
        self.error_was_seen = False

    async def advance(self, seconds: float) -> Handling:
        """Let time pass, so that the event comes again if it is to be retried."""
        await self._advance(self, seconds)
        return self

    def then_handled(self) -> Handling:
        """The handler has returned, and the event is acknowledged."""
        __tracebackhide__ = True
        self._require(State.HANDLED)
        return self

    def then_sent(self, *commands: Command[Any]) -> Handling:
        """The handler sent these commands, in this order, and no others."""
        __tracebackhide__ = True
        self._require(State.HANDLED)
        require_sent(self.handler, commands, self.sent)
        return self

    def then_retried(self, error: type[X], **fields: object) -> X:
        """The handler raised this error, with these attributes; the event comes again."""
        __tracebackhide__ = True
        return self._failed(State.RETRIED, error, fields)

    def then_dead_lettered(self, error: type[X], **fields: object) -> X:
        """The handler raised this error at the last attempt; the event is a dead letter."""
        __tracebackhide__ = True
        return self._failed(State.DEAD_LETTERED, error, fields)

    def then_lost(self, error: type[X], **fields: object) -> X:
        """The handler raised this error; delivered at most once, the event does not come again."""
        __tracebackhide__ = True
        return self._failed(State.LOST, error, fields)

    def require_error_seen(self) -> None:
        """Fail where the handler did and nobody has asked."""
        if self.attempts and self.attempts[-1].error is not None and not self.error_was_seen:
            self._require(State.HANDLED)

    def _failed(self, state: State, error: type[X], fields: dict[str, object]) -> X:
        __tracebackhide__ = True
        self._require(state)
        found = self.attempts[-1].error
        if found is None:  # never: only a failure leads to these states
            raise AssertionError(f"{self.handler} has not failed")
        return require_error(f"{self.handler} failed", error, fields, found)

    def _require(self, state: State) -> None:
        __tracebackhide__ = True
        self.error_was_seen = True
        if self.state is state:
            return
        last = self.attempts[-1] if self.attempts else None
        tries = "not been called" if last is None else f"been called {len(self.attempts)} times"
        if len(self.attempts) == 1:
            tries = "been called once"
        error = None if last is None else last.error
        reason = "" if error is None else f"; it raised {type(error).__name__}: {error}"
        raise AssertionError(
            f"{self.event.event_name} is {self.state.value}, and {state.value} was expected: "
            f"{self.handler} has {tries}{reason}"
        ) from error
