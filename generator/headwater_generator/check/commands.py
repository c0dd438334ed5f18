"""Commands: the workflow they are about, the field that says which one, and what they emit."""

from __future__ import annotations

from ..grammar import Command, Scalar
from ..load import Mapping, Place, at, listed, names
from ..names import id_field_name, nearest
from .scope import Scope
from .streams import check_event

__all__ = ["RULES"]

ID_TYPES = frozenset({"int", "string", "uuid"})


def workflows_exist(scope: Scope) -> None:
    """HW601: every workflow that is named is declared."""
    for command in scope.spec.commands.values():
        if command.kind != "stream" and command.target not in scope.workflows:
            place = at(command.node, command.kind)
            scope.unknown(place, "HW601", "workflow", command.target, scope.workflows)


def id_keys_suit_the_kind(scope: Scope) -> None:
    """HW602: `id` is for commands that start a workflow, `by` for those that may continue one."""
    for command in scope.spec.commands.values():
        if command.id is not None and command.kind != "starts":
            hint = "leave it out" if command.kind == "stream" else "use by"
            place = _key(command, "id")
            scope.add(place, "HW602", f'"id" does not go with "{command.kind}"', hint)
        if command.by is not None and command.kind in {"starts", "stream"}:
            hint = "leave it out" if command.kind == "stream" else "use id"
            place = _key(command, "by")
            scope.add(place, "HW602", f'"by" does not go with "{command.kind}"', hint)


def id_fields_exist(scope: Scope) -> None:
    """HW603: the field that holds the workflow's id is one of the command's."""
    for name, command in scope.spec.commands.items():
        field, place = _id_field(scope, name, command)
        known = names(command.node, "fields")
        if field is None or field in known:
            continue
        if command.id is None and command.by is None:
            message = f'"{name}" has no field "{field}" to tell which {command.target}'
            scope.add(place, "HW603", message, "add it, or name another with by")
        else:
            better = nearest(field, known)
            hint = f'did you mean "{better}"?' if better else f"it has {', '.join(known) or 'none'}"
            scope.add(place, "HW603", f'"{name}" has no field "{field}"', hint)


def id_fields_can_be_ids(scope: Scope) -> None:
    """HW604: a workflow's id is held by an int, a string or a uuid, and not a personal one."""
    for name, command in scope.spec.commands.items():
        field, _ = _id_field(scope, name, command)
        one = command.fields.get(field) if field else None
        if one and not (isinstance(one.type, Scalar) and one.type.name in ID_TYPES):
            message = f'field "{field}" cannot hold the id of a workflow'
            place = at(command.node, "fields", field or "")
            scope.add(place, "HW604", message, "an id is an int, a string or a uuid")
        elif one and one.personal:
            message = f'field "{field}" is personal, and an id is shown in logs and answers'
            place = at(command.node, "fields", field or "")
            scope.add(place, "HW604", message, "take an id that tells nothing about a person")


def emitted_events_are_the_workflows(scope: Scope) -> None:
    """HW605: a command emits events of its workflow, or of its stream."""
    for command in scope.spec.commands.values():
        for event, place in listed(command.node, "emits", command.emits or ()):
            if command.kind == "stream":
                if command.target in scope.streams:
                    check_event(scope, place, event, command.target, "HW605")
                continue
            known = scope.events_of_workflow(command.target)
            if command.target not in scope.workflows or event in known:
                continue
            owner = scope.events.get(event)
            if owner:
                message = f'event "{event}" is not of workflow {command.target}'
                scope.add(place, "HW605", message, f"it is of workflow {owner}")
            elif command.target not in scope.broken_workflows or known:
                scope.unknown(place, "HW605", "event", event, known)


def _id_field(scope: Scope, name: str, command: Command) -> tuple[str | None, Place]:
    """Return the field with the workflow's id, and where it is named; None where there is none."""
    if command.kind == "stream" or (command.kind == "starts" and command.id is None):
        return None, command.node
    if command.id is not None:
        return (
            (command.id, at(command.node, "id"))
            if command.kind == "starts"
            else (None, command.node)
        )
    if command.by is not None:
        return command.by, at(command.node, "by")
    return id_field_name(command.target), scope.key("commands", name)


def _key(command: Command, name: str) -> Place:
    entry = command.node.entry(name) if isinstance(command.node, Mapping) else None
    return entry.key if entry else command.node


RULES = (
    workflows_exist,
    id_keys_suit_the_kind,
    id_fields_exist,
    id_fields_can_be_ids,
    emitted_events_are_the_workflows,
)
