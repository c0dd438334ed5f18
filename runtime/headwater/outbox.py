"""Commands that a handler sends: stored with what it did, executed after that is committed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from .errors import UnknownCommandError
from .events import Command, RecordedEvent
from .stores.contract import SentCommand
from .stores.keys import SENT, KeyKind, Occasion

__all__ = ["Outbox"]

LONGEST_NAME = 200  # characters of what it was sent for; longer ones are hashed into the key


class Outbox:
    """What one run of a handler has sent so far."""

    def __init__(
        self,
        service: str,
        known: Mapping[type[Command[Any]], str],
        brokered: Collection[str] = (),
    ) -> None:
        self._service = service
        self._known = known
        self._brokered = brokered  # streams of whose events only the broker knows
        self._sent: list[Command[Any]] = []

    def __len__(self) -> int:
        return len(self._sent)

    def emptied(self) -> Outbox:
        """Another one, with nothing in it."""
        return Outbox(self._service, self._known, self._brokered)

    def add(self, command: Command[Any]) -> None:
        """Have the command stored when the handler has returned.

        Raises:
            UnknownCommandError: The service has no such command.
        """
        if type(command) not in self._known:
            name = getattr(command, "command_name", type(command).__name__)
            raise UnknownCommandError(self._service, name)
        self._sent.append(command)

    def commands(
        self, of: str, request_id: str | None, event: RecordedEvent | None = None
    ) -> tuple[SentCommand, ...]:
        """What was sent, step by step, under keys that say of what; perhaps for an event."""
        if len(of) > LONGEST_NAME:
            of = hashlib.sha256(of.encode()).hexdigest()
        occasion = SENT
        if event is not None:
            if event.stream in self._brokered:  # its offset means nothing here
                occasion = Occasion(KeyKind.INGEST, event.stream)
            else:
                occasion = Occasion(KeyKind.SENT, event.stream, event.offset)
        return tuple(
            SentCommand(
                key=f"sent:{of}/{step}",
                name=self._known[type(command)],
                body=command.model_dump_json().encode(),
                request_id=request_id,
                occasion=occasion,
            )
            for step, command in enumerate(self._sent, 1)
        )
