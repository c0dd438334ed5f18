"""What follows from how a command is declared."""

from __future__ import annotations

from ..grammar import Command, Scalar, TypeExpression
from ..names import id_field_name

__all__ = ["id_field_of", "result_of", "returns_id"]


def result_of(command: Command) -> TypeExpression | None:
    """Return the type of what executing it returns; `None` for nothing."""
    return Scalar("string") if returns_id(command) else command.result


def returns_id(command: Command) -> bool:
    """Tell whether it returns its workflow's id: one that may start it does, if it says no more."""
    return command.result is None and command.kind in {"starts", "starts_or_continues"}


def id_field_of(command: Command) -> str | None:
    """Return the field that holds its workflow's id; `None` if no field does."""
    match command.kind:
        case "starts":
            return command.id
        case "stream":
            return None
        case _:
            return command.by or id_field_name(command.target)
