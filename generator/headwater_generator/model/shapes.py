"""What has to be asked of datamodel-code-generator for one spec, by what it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from ..grammar import Command, EnumType, Field, ObjectType, Spec, TypeDeclaration, UnionType
from .annotations import Shape
from .commands import result_of
from .versions import versions_of

__all__ = ["Shapes"]


class Shapes:
    """The shapes of one spec."""

    def __init__(self, spec: Spec) -> None:
        self.types = {name: _of_type(one) for name, one in spec.types.items()}
        self.events = {
            one.class_name: Shape.of_fields(one.fields.values()) for one in versions_of(spec)
        }
        """By class, one a version."""
        self.commands = {name: _of_command(one) for name, one in spec.commands.items()}
        """The fields, and last what the command returns, if anything."""

    def __iter__(self) -> Iterator[Shape]:
        yield from self.types.values()
        yield from self.events.values()
        yield from self.commands.values()

    def __len__(self) -> int:
        return len(self.types) + len(self.events) + len(self.commands)


def _of_type(declaration: TypeDeclaration) -> Shape:
    match declaration:
        case EnumType(values=values):
            return Shape.of_enum(values)
        case UnionType(members=members):
            return Shape.of_union(members)
        case ObjectType(fields=fields):
            return Shape.of_fields(fields.values())


def _of_command(command: Command) -> Shape:
    result = result_of(command)
    fields = list(command.fields.values())
    return Shape.of_fields([*fields, Field(type=result)] if result else fields)
