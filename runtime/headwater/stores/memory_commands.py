"""Stored commands in memory. Times are monotonic seconds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from .contract import FailedCommand, SentCommand, Taken
from .signal import Signal

__all__ = ["StoredCommands"]


@dataclass(slots=True)
class _Stored:
    command: SentCommand
    due: float | None  # `None`: given up
    error: str = ""


class StoredCommands:
    """Commands that wait to be executed."""

    def __init__(self) -> None:
        self.changes = Signal()
        self._stored: dict[str, _Stored] = {}

    def add(self, command: SentCommand, now: float) -> None:
        """Have the command, once."""
        self._stored.setdefault(command.key, _Stored(command, now))
        self.changes.notify()

    def remove(self, key: str) -> None:
        """Be done with the command."""
        self._stored.pop(key, None)

    def take(self, limit: int, lease: float, now: float) -> Taken:
        """The commands that are due."""
        due = [one for one in self._stored.values() if one.due is not None and one.due <= now]
        for stored in due[:limit]:
            stored.due = now + lease
            stored.command = replace(stored.command, attempts=stored.command.attempts + 1)
        times = [one.due for one in self._stored.values() if one.due is not None]
        return Taken(
            tuple(stored.command for stored in due[:limit]), min(times) - now if times else None
        )

    def postpone(self, key: str, error: str, due: float | None) -> None:
        """Have the command due again, or give it up."""
        if (stored := self._stored.get(key)) is not None:
            stored.due, stored.error = due, error
            self.changes.notify()

    def failed(self) -> list[FailedCommand]:
        """The commands that were given up."""
        return [
            FailedCommand(one.command, one.error)
            for one in self._stored.values()
            if one.due is None
        ]

    def retry(self, keys: Collection[str], now: float) -> list[SentCommand]:
        """Have commands that were given up due at once, and give those."""
        given_up = [
            stored for key in set(keys) if (stored := self._stored.get(key)) and stored.due is None
        ]
        for stored in given_up:
            stored.due = now
            stored.command = replace(stored.command, attempts=0)
        self.changes.notify()
        return [stored.command for stored in given_up]
