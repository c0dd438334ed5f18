"""Where a command is sent to."""

import re

from headwater.commands.definition import CommandDefinition

__all__ = ["kebab", "path_of"]

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*")


def path_of(definition: CommandDefinition) -> str:
    """Where the command is sent to: `/api/commands/add-user`."""
    return f"/api/commands/{kebab(definition.name)}"


def kebab(name: str) -> str:
    """`AddUser` → `add-user`, `SendHTTPRequest` → `send-http-request`."""
    return "-".join(_WORD.findall(name)).lower()
