"""Names: what is declared once, and what two names become in Python, in files and in addresses."""

from __future__ import annotations

from collections.abc import Iterator

from ..load import Place, at, listed, names
from ..names import (
    MAX_NAME_LENGTH,
    RESERVED_CLASS_NAMES,
    RESERVED_FILE_NAMES,
    RESERVED_MODULE_NAMES,
    RESERVED_OBJECT_NAMES,
    enum_member,
    event_class,
    function_name,
    snake,
    validator_name,
    workflow_class,
    writer_class,
)
from .scope import Scope

__all__ = ["RULES"]


def events_are_declared_once(scope: Scope) -> None:
    """HW303: an event's name is unique in the service."""
    for workflow in scope.spec.workflows:
        for event in scope.events_of_workflow(workflow):
            first = scope.events[event]
            if first != workflow:
                place = scope.event_key(workflow, event)
                seen = scope.event_key(first, event).seen_from(place)
                message = f'event "{event}" is declared twice'
                scope.add(place, "HW303", message, f"workflow {first} declares it on {seen}")


def names_are_free(scope: Scope) -> None:
    """HW304: no name is a constant of Python, a module of the package, or a device of Windows."""
    for section in ("types", "commands"):
        for name in _keys(scope, section):
            _refuse_reserved(scope, section.removesuffix("s"), name, scope.key(section, name))
    for event, workflow in scope.events.items():
        _refuse_reserved(scope, "event", event, scope.event_key(workflow, event))
    for name in _keys(scope, "subscriptions"):
        _refuse_reserved(scope, "subscription", name, scope.key("subscriptions", name))
    _refuse_reserved(scope, "service", scope.spec.service, at(scope.spec.node, "service"))


def _refuse_reserved(scope: Scope, noun: str, name: str, place: Place) -> None:
    file = snake(name)
    if noun in {"type", "event", "command"} and name in RESERVED_CLASS_NAMES:
        taken = name
    elif (
        (noun == "service" and file in RESERVED_OBJECT_NAMES)
        or (noun == "subscription" and file in RESERVED_MODULE_NAMES)
        or (noun in {"subscription", "command"} and file in RESERVED_FILE_NAMES)
    ):
        taken = file
    else:
        return
    message = f'no {noun} can be called "{name}": `{taken}` is taken'
    scope.add(place, "HW304", message, "say more in the name")


def names_differ_in_more_than_case(scope: Scope) -> None:
    """HW305: names that one disk or one reader would take for the same differ in letters."""
    for _noun, declared in _families(scope):
        seen: dict[str, tuple[str, Place]] = {}
        for name, place in declared:
            folded = name.replace("-", "").lower()
            other, first = seen.setdefault(folded, (name, place))
            if other != name:
                message = f'"{name}" differs from "{other}" only in its spelling'
                scope.add(place, "HW305", message, f"{other} is on {first.seen_from(place)}")


def python_names_are_unique(scope: Scope) -> None:
    """HW306: no two things of a package get one name in Python."""
    for claims in (_package_names(scope), _handler_names(scope)):
        taken: dict[str, tuple[str, Place]] = {}
        for name, owner, place in claims:
            other, first = taken.setdefault(name, (owner, place))
            if first is not place:
                message = f"{owner} and {other} both become `{name}` in Python"
                scope.add(place, "HW306", message, f"{other} is on {first.seen_from(place)}")


def enum_members_are_unique(scope: Scope) -> None:
    """HW307: each value of an enum becomes a member with a name of its own."""
    for _, declaration in scope.enums():
        taken: dict[str, tuple[str, Place]] = {}
        for value, place in listed(declaration.node, "enum", declaration.values):
            member = enum_member(value)
            if not member:
                hint = "use ASCII letters for the value, and the description for the rest"
                scope.add(place, "HW307", f'no name can be made of "{value}" for Python', hint)
                continue
            if len(member) > MAX_NAME_LENGTH:
                message = f"the name of this value in Python has {len(member)} characters"
                scope.add(place, "HW302", message, f"the limit is {MAX_NAME_LENGTH}")
                continue
            other, first = taken.setdefault(member, (value, place))
            if first is not place:
                message = f'"{value}" and "{other}" both become the member {member}'
                scope.add(place, "HW307", message, f"{other} is on {first.seen_from(place)}")


def _keys(scope: Scope, section: str) -> Iterator[str]:
    for file in (scope.spec.node, *(scope.shared if section == "types" else ())):
        yield from names(file, section)


def _families(scope: Scope) -> Iterator[tuple[str, list[tuple[str, Place]]]]:
    """Yield what shares a folder, a table or an address: the names and their places."""
    classes = [
        (name, scope.key(section, name))
        for section in ("types", "commands")
        for name in _keys(scope, section)
    ]
    classes += [(name, scope.event_key(flow, name)) for name, flow in scope.events.items()]
    yield "classes", classes
    for section in ("workflows", "streams", "subscriptions"):
        yield section, [(name, scope.key(section, name)) for name in _keys(scope, section)]


def _package_names(scope: Scope) -> Iterator[tuple[str, str, Place]]:
    """Yield what the generated package exports: the name, whose it is, and where that stands."""
    service = scope.spec.service
    yield snake(service), f"service {service}", at(scope.spec.node, "service")
    for name, place in scope.type_places.items():
        yield name, f"type {name}", place
    for event, workflow in scope.events.items():
        place = scope.event_key(workflow, event)
        yield event, f"event {event}", place
        for version in scope.versions(workflow, event):
            yield event_class(event, version), f"version {version} of event {event}", place
    for name in _keys(scope, "commands"):
        yield name, f"command {name}", scope.key("commands", name)
    for name in _keys(scope, "workflows"):
        yield workflow_class(name), f"workflow {name}", scope.key("workflows", name)
    written = {command.stream for command in scope.spec.commands.values()}
    for name in _keys(scope, "streams"):
        if name in written:
            yield writer_class(name), f"the writer of stream {name}", scope.key("streams", name)
    for name in _keys(scope, "subscriptions"):
        yield function_name(name), f"subscription {name}", scope.key("subscriptions", name)


def _handler_names(scope: Scope) -> Iterator[tuple[str, str, Place]]:
    """Yield the functions that the team writes."""
    for name, command in scope.spec.commands.items():
        place = scope.key("commands", name)
        yield function_name(name), f"command {name}", place
        if command.validate:
            yield validator_name(name), f"the validator of {name}", place
    for name, subscription in scope.spec.subscriptions.items():
        if subscription.handler:
            yield function_name(name), f"subscription {name}", scope.key("subscriptions", name)


RULES = (
    events_are_declared_once,
    names_are_free,
    names_differ_in_more_than_case,
    python_names_are_unique,
    enum_members_are_unique,
)
