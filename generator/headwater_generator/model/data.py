"""What is sent and recorded: `types.py`, `events.py` and `commands.py`."""

from __future__ import annotations

from collections.abc import Sequence

from ..grammar import EnumType, ObjectType, UnionType
from ..names import enum_member, python_name
from .attributes import attributes, result_text, tag_attributes, type_text
from .facts import Facts, field_names
from .literals import literal
from .order import in_order
from .parts import Alias, CommandClass, DataClass, EnumClass, EventAlias, EventClass, Module
from .scope import Scope

__all__ = ["commands_module", "events_module", "types_module"]


def types_module(facts: Facts) -> Module:
    """Settle `types.py`: an enum, a class or an alias for each type."""
    types = facts.spec.types
    objects = [one for one in types.values() if isinstance(one, ObjectType)]
    scope = Scope({*types, *field_names(*(one.fields for one in objects))})
    items: list[EnumClass | DataClass | Alias] = []
    known: set[str] = set()  # what stands above, and need not be quoted
    for name in in_order(types):
        declaration = types[name]
        summary = declaration.description or f"One {name}."
        match declaration:
            case EnumType(values=values):
                items.append(_enum(name, values, summary, scope))
            case ObjectType():
                items.append(_data(facts, name, declaration, summary, scope, known))
            case UnionType():
                items.append(_union(facts, name, declaration, summary, scope))
        known.add(name)
    return Module.of(scope, items)


def events_module(facts: Facts) -> Module:
    """Settle `events.py`: a class for each version, and an alias for each event's head."""
    versions = [version for one in facts.events.values() for version in one]
    scope = Scope(
        {
            *facts.event_names,
            *facts.spec.types,
            *field_names(*(one.fields for one in versions)),
        }
    )
    items: list[EventClass | EventAlias] = []
    for one in versions:
        scope.use("Event", "ClassVar", "TypeAlias", "str", "int")
        if one.terminal:
            scope.use("bool")
        items.append(
            EventClass(
                name=one.name,
                class_name=one.class_name,
                version=one.version,
                terminal=one.terminal,
                summary=one.description or f"{one.name}, version {one.version}.",
                fields=attributes(facts, one.fields, scope),
            )
        )
        if one.is_head:
            items.append(EventAlias(one.name, one.class_name))
    return Module.of(scope, items)


def commands_module(facts: Facts) -> Module:
    """Settle `commands.py`: a class for each command."""
    commands = facts.spec.commands
    scope = Scope(
        {*commands, *facts.spec.types, *field_names(*(one.fields for one in commands.values()))}
    )
    items: list[CommandClass] = []
    for name, command in commands.items():
        scope.use("Command", "ClassVar", "str")
        items.append(
            CommandClass(
                name=name,
                class_name=name,
                result=result_text(facts, name, scope, module=".types"),
                summary=command.description or f"The command {name}.",
                fields=attributes(facts, command.fields, scope),
            )
        )
    return Module.of(scope, items)


def _enum(name: str, values: Sequence[str], summary: str, scope: Scope) -> EnumClass:
    scope.use("StrEnum")
    return EnumClass(name, summary, tuple((enum_member(value), value) for value in values))


def _data(
    facts: Facts, name: str, declaration: ObjectType, summary: str, scope: Scope, known: set[str]
) -> DataClass:
    scope.use("Data")
    own = attributes(facts, declaration.fields, scope, module=None, known=known)
    return DataClass(name, summary, (*tag_attributes(facts, name, scope), *own))


def _union(facts: Facts, name: str, declaration: UnionType, summary: str, scope: Scope) -> Alias:
    scope.use("TypeAlias")
    target = type_text(facts.annotations.of_union(declaration.members), scope, None)
    if len(declaration.members) > 1:
        discriminator = f"discriminator={literal(python_name(declaration.tag))}"
        target = f"{scope['Annotated']}[{target}, {scope['Field']}({discriminator})]"
    return Alias(name, summary, target)
