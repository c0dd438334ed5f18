"""What came of a command, and how it is kept so that a repeated request is told the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from headwater.errors import CommandRejectedError, HandlerFailedError, IdempotencyConflictError
from headwater.events import Command
from headwater.stores.contract import Answer, IdempotencyKey
from headwater.stores.keys import REQUESTED, Occasion
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from .definition import CommandDefinition

__all__ = ["Once", "Outcome"]

R = TypeVar("R")

LONGEST_KEY = 255  # characters


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R]):
    """What came of a command that was executed."""

    result: R
    """What its handler returned."""

    workflow_id: str
    """The correlation id of the events it emitted."""


class Once:
    """A request under an idempotency key.

    Raises:
        CommandRejectedError: The key is empty or too long.
    """

    def __init__(
        self,
        definition: CommandDefinition,
        command: Command[Any],
        key: str,
        occasion: Occasion = REQUESTED,
    ) -> None:
        if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            raise CommandRejectedError(
                f"an idempotency key has 1 to {LONGEST_KEY} printable characters"
            )
        self.key = key
        self._occasion = occasion
        self._definition = definition
        body = f"{definition.name}\n{command.model_dump_json()}"
        self._fingerprint = hashlib.sha256(body.encode()).digest()

    def keep(self, workflow_id: str, result: Any) -> IdempotencyKey:
        """The key with what came of the command, to be written with its events.

        Raises:
            HandlerFailedError: The handler returned what the command does not promise.
        """
        adapter = _adapter(self._definition.result_type)
        try:
            encoded = adapter.dump_json(result, warnings="error")
        except PydanticSerializationError as error:
            raise HandlerFailedError(
                self._definition.handler, f"returned what cannot be kept: {error}"
            ) from error
        content = json.dumps(workflow_id).encode() + b"\n" + encoded
        return IdempotencyKey(self.key, Answer(self._fingerprint, content), self._occasion)

    def outcome(self, known: Answer) -> Outcome[Any]:
        """What came of the command that had the key first.

        Raises:
            IdempotencyConflictError: It was another command, or had another body.
        """
        if known.fingerprint != self._fingerprint:
            raise IdempotencyConflictError(self.key)
        workflow_id, _, encoded = known.content.partition(b"\n")
        adapter = _adapter(self._definition.result_type)
        return Outcome(adapter.validate_json(encoded), json.loads(workflow_id))


@cache
def _adapter(result_type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(result_type)
