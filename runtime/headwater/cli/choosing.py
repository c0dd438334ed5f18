"""Which dead letters a command is about."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Any, TypeAlias

import typer
from headwater.errors import ConfigurationError
from headwater.operations.management import Management
from headwater.service import Service
from headwater.stores.contract import DeadLetter

from .loading import find_subscription

__all__ = [
    "Age",
    "Consumer",
    "EventName",
    "Ids",
    "Names",
    "Text",
    "Workflow",
    "find_letters",
]

Names: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Subscriptions; without any, all of them."),
]
Ids: TypeAlias = Annotated[
    list[int] | None,
    typer.Option("--id", metavar="ID", help="Only this one; may be repeated."),
]
Consumer: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only those of this consumer.")
]
EventName: TypeAlias = Annotated[
    str | None, typer.Option("--event", metavar="NAME", help="Only events of this name.")
]
Workflow: TypeAlias = Annotated[
    str | None, typer.Option("--workflow", metavar="ID", help="Only those of this workflow.")
]
Text: TypeAlias = Annotated[
    str | None, typer.Option("--error", metavar="TEXT", help="Only if the error says this.")
]
Age: TypeAlias = Annotated[
    str | None,
    typer.Option("--older-than", metavar="AGE", help="Only if set aside so long ago: 90m, 7d."),
]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}  # seconds
_SPAN = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)


async def find_letters(
    management: Management,
    service: Service[Any],
    names: list[str] | None,
    ids: list[int] | None,
    consumer: str | None,
    event: str | None,
    workflow: str | None,
    error: str | None,
    older_than: str | None,
) -> list[DeadLetter] | None:
    """The letters that are meant; `None` if one that was named is not there, which is told.

    Raises:
        ConfigurationError: The service has no such subscription, or the age is no span of time.
    """
    chosen = [find_subscription(service, name) for name in names or ()]
    age = None if older_than is None else _seconds(older_than)
    letters = [
        letter
        for one in chosen or service.subscriptions
        for letter in await management.dead_letters(
            one,
            ids=ids or None,
            consumer=consumer,
            event=event,
            workflow_id=workflow,
            error=error,
            older_than=age,
        )
    ]
    if missing := sorted(set(ids or ()) - {one.id for one in letters}):
        there_is = ", ".join(map(str, missing))
        sys.stderr.write(f"headwater dead-letters: not there: {there_is}\n")
        return None
    return letters


def _seconds(text: str) -> float:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"--older-than {text!r}: give a span such as 30s, 90m, 12h or 7d")
    return int(found[1]) * _UNITS[found[2]]
