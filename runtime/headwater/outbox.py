"""Commands that a handler sends: stored with what it did, executed after that is committed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from .errors import UnknownCommandError
from .events import Command
from .stores.contract import SentCommand

__all__ = ["Outbox"]

LONGEST_NAME = 200  # characters of what it was sent for; longer ones are hashed into the key


class Outbox:
    """What one run of a handler has sent so far."""

    def __init__(self, service: str, known: Mapping[type[Command[Any]], str]) -> None:
        self._service = service
        self._known = known
        self._sent: list[Command[Any]] = []

    def __len__(self) -> int:
        return len(self._sent)

    def emptied(self) -> Outbox:
        """Another one, with nothing in it."""
        return Outbox(self._service, self._known)

    def add(self, command: Command[Any]) -> None:
        """Have the command stored when the handler has returned.

        Raises:
            UnknownCommandError: The service has no such command.
        """
        if type(command) not in self._known:
            name = getattr(command, "command_name", type(command).__name__)
            raise UnknownCommandError(self._service, name)
        self._sent.append(command)

    def commands(self, of: str, request_id: str | None) -> tuple[SentCommand, ...]:
        """What was sent, step by step, under keys that say of what."""
        if len(of) > LONGEST_NAME:
            of = hashlib.sha256(of.encode()).hexdigest()
        return tuple(
            SentCommand(
                key=f"sent:{of}/{step}",
                name=self._known[type(command)],
                body=command.model_dump_json().encode(),
                request_id=request_id,
            )
            for step, command in enumerate(self._sent, 1)
        )
