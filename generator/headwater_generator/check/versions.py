"""Versions: numbered without gaps, and each led to by the ops of its `upcast`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..grammar import Event, TypeDeclaration, named_types
from ..load import Entry, Node, Place, entries, listed
from ..names import pinned
from .scope import Scope
from .streams import check_event

if TYPE_CHECKING:
    from ..evolution.effects import Hop

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
            _hops(event, scope.spec.types, scope)


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


def _hops(event: Event, types: Mapping[str, TypeDeclaration], scope: Scope) -> Sequence[Hop]:
    """Return the hops of an event that has several versions; wrong ones are told and left out."""
    from ..evolution.chains import hops_of  # a seventh of all imports, and many specs have none

    return hops_of(event, types, scope.add)


def _key(node: Node, name: str) -> Place:
    return next((one.key for one in entries(node) if one.key.text == name), node)


def pins_can_be_served(scope: Scope) -> None:
    """HW811: a version that a subscription pins is there, and newer events can go down to it."""
    if scope.problems:
        return  # whether there is a way can be told once the versions are right
    own = {name: one for flow in scope.spec.workflows.values() for name, one in flow.events.items()}
    for subscription in scope.spec.subscriptions.values():
        seen: dict[str, Place] = {}
        stream = scope.spec.streams.get(subscription.stream)
        if stream is None:
            continue  # a remote's, whose contract could not be read
        contract = scope.spec.contracts[stream.origin.service] if stream.origin else None
        types = (contract.spec if contract else scope.spec).types
        events = scope.remote_events(subscription.stream) if contract else own
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
                _serve(scope, place, (event, types), (name, version), "HW811")


def publications_can_be_served(scope: Scope) -> None:
    """HW530 to HW532: what is published is there, at one version, and can be brought down to it."""
    is_sound = all(problem.code == "HW811" for problem in scope.problems)
    events = {
        name: one for flow in scope.spec.workflows.values() for name, one in flow.events.items()
    }
    for stream_name, stream in scope.spec.streams.items():
        if stream.publish is None:
            continue
        seen: dict[str, Place] = {}
        for text, place in listed(stream.publish.node, "at", stream.publish.at):
            name, version = pinned(text)
            if name not in scope.events_of_stream(stream_name):
                check_event(scope, place, name, stream_name, "HW530")
            elif name in seen:
                hint = f"the first is on {seen[name].seen_from(place)}"
                scope.add(place, "HW532", f"{name} would leave at two versions", hint)
            elif version is None:
                message = f"the version of {name} is missing: it leaves at this one for good"
                newest = events[name].version if name in events else 1
                scope.add(place, "HW531", message, f"write {name}@{newest}")
            elif name in events and is_sound:
                versions = (events[name], scope.spec.types)
                _serve(scope, place, versions, (name, version), "HW531")
            seen.setdefault(name, place)


def _serve(
    scope: Scope,
    place: Place,
    known: tuple[Event, Mapping[str, TypeDeclaration]],
    wanted: tuple[str, int],
    code: str,
) -> None:
    (event, types), (name, version) = known, wanted
    if version not in event.versions:
        there = ", ".join(f"{name}@{number}" for number in event.versions)
        scope.add(place, code, f"{name} has no version {version}", f"there is {there}")
        return
    from ..evolution.chains import no_way_down

    if fault := no_way_down(_hops(event, types, scope), version):
        scope.add(place, code, f"no way leads down to version {version} of {name}", fault)


RULES = (
    versions_have_no_gaps,
    ops_lead_to_the_next_version,
    pins_can_be_served,
    publications_can_be_served,
)
