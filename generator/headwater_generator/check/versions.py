"""Versions: numbered without gaps, and each led to by the ops of its `upcast`."""

from __future__ import annotations

from collections.abc import Iterator

from ..evolution.chains import hops_of
from ..grammar import Event, named_types
from ..load import Entry, Node, Place, entries, listed
from ..names import pinned
from .scope import Scope

__all__ = ["RULES"]


def versions_have_no_gaps(scope: Scope) -> None:
    """HW801: versions are numbered 1, 2, 3... and nothing leads to the first."""
    for event in _events(scope):
        _numbers(scope, entries(event.node, "history"))
        first = event.versions.get(1)
        if first is not None and first.upcast:
            message = "nothing comes before version 1, so nothing leads to it"
            hint = "" if event.history else "the version before goes into history"
            scope.add(_key(first.node, "upcast"), "HW801", message, hint)
    for declaration in scope.spec.types.values():
        _numbers(scope, entries(declaration.node, "history"))


def ops_lead_to_the_next_version(scope: Scope) -> None:
    """HW802 to HW810: ops suit the older version, and make the newer one of it."""
    mentioned = [one for expression in scope.type_expressions() for one in named_types(expression)]
    if any(scope.declaration(one.name) is None for one in mentioned) or any(
        problem.code in {"HW401", "HW409", "HW412"} for problem in scope.problems
    ):
        return  # nobody can tell what the versions look like
    for event in _events(scope):
        if event.history and list(event.versions) == list(range(1, event.version + 1)):
            hops_of(event, scope.spec.types, scope.add)


def _events(scope: Scope) -> Iterator[Event]:
    for workflow in scope.spec.workflows.values():
        yield from workflow.events.values()


def _numbers(scope: Scope, history: tuple[Entry, ...]) -> None:
    numbered = {int(one.key.text): one.key for one in history if one.key.text.isdecimal()}
    for due, number in enumerate(sorted(numbered), 1):
        if number != due:
            message = f"version {number} is there, and there is no version {due}"
            scope.add(numbered[number], "HW801", message, f"write {due}")
            return


def _key(node: Node, name: str) -> Place:
    return next((one.key for one in entries(node) if one.key.text == name), node)


def pins_can_be_served(scope: Scope) -> None:
    """HW811: a version that a subscription pins is there, and newer events can go down to it."""
    if scope.problems:
        return  # whether there is a way can be told once the versions are right
    events = {
        name: one for flow in scope.spec.workflows.values() for name, one in flow.events.items()
    }
    for subscription in scope.spec.subscriptions.values():
        seen: dict[str, Place] = {}
        for text, place in listed(subscription.node, "events", subscription.events or ()):
            name, version = pinned(text)
            event = events.get(name)
            if event is None:
                continue
            if name in seen:
                hint = f"the first is on {seen[name].seen_from(place)}"
                message = f"{name} is asked for twice, and comes at one version"
                scope.add(place, "HW811", message, hint)
                continue
            seen[name] = place
            if version is not None:
                _serve(scope, place, event, name, version)


def _serve(scope: Scope, place: Place, event: Event, name: str, version: int) -> None:
    if version not in event.versions:
        known = ", ".join(f"{name}@{number}" for number in event.versions)
        scope.add(place, "HW811", f"{name} has no version {version}", f"there is {known}")
        return
    for hop in hops_of(event, scope.spec.types, scope.add)[version - 1 :]:
        if why := hop.no_way_down:
            message = f"no way leads down to version {version} of {name}"
            hint = f"from version {hop.newer} to {hop.older}: {why}"
            scope.add(place, "HW811", message, hint)
            return


RULES = (versions_have_no_gaps, ops_lead_to_the_next_version, pins_can_be_served)
