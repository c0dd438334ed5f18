"""What is to be explained, found in the project's specs: `UserAdded@1..2`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..check import load_specs
from ..compatibility.judging import event_place
from ..compatibility.verdicts import readers_of
from ..configuration import Configuration, load_configuration
from ..evolution import shape_of_fields
from ..evolution.chains import hops_of
from ..grammar import Event, Spec
from ..load import Place
from ..model.places import Places
from ..names import nearest, pinned
from ..problems import Problem, SpecError
from ..publish.files import shown
from .files import GeneratedFile, generated_for
from .journeys import Journey, travel

__all__ = ["Explanation", "explain"]

_WAY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:@([0-9]{1,4})(?:\.\.([0-9]{1,4}))?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is said of an event of one service."""

    service: str
    event: str
    journey: Journey
    readers: tuple[str, ...]
    """The subscriptions that get the event, with the version that they get."""
    folder: str
    """Of the generated package, from the project on."""
    files: tuple[GeneratedFile, ...]


def explain(root: Path, text: str) -> list[Explanation]:
    """Return what happens to an event between two versions, for each service that has it.

    `UserAdded@1..3` is the way from version 1 to 3, `UserAdded@1` from 1 to the head, `UserAdded`
    from the first version to the head; `UserAdded@3..1` leads down.

    Raises:
        SpecError: A spec is wrong, or there is no such event or version (HW907).
    """
    root = root.resolve()
    asked = _WAY.fullmatch(text)
    if asked is None:
        hint = "ask for UserAdded, UserAdded@1 or UserAdded@1..2, or for a code such as HW101"
        raise SpecError([_problem(f'"{text}" is no event, and no code', hint)])
    configuration = load_configuration(root)
    specs = load_specs(configuration.spec_paths(), root)
    name, start, end = asked[1], asked[2], asked[3]
    having = [spec for spec in specs if name in dict(_events(spec))]
    if not having:
        raise SpecError([_unknown(specs, name)])
    found: list[Explanation] = []
    problems: list[Problem] = []
    for spec in having:
        event = dict(_events(spec))[name]
        way = (int(start or 1), int(end or event.version))
        missing = [one for one in dict.fromkeys(way) if one not in event.versions]
        if missing:
            problems.append(_no_version(spec, name, missing[0], event))
        else:
            found.append(_explanation(root, configuration, spec, name, way))
    # Where several services have the event, those that have the version answer.
    if not found:
        raise SpecError(problems)
    return found


def _explanation(
    root: Path, configuration: Configuration, spec: Spec, name: str, way: tuple[int, int]
) -> Explanation:
    [(stream, event)] = [
        (workflow.stream, workflow.events[name])
        for workflow in spec.workflows.values()
        if name in workflow.events
    ]
    hops = hops_of(event, spec.types, _silent)
    shapes = {
        version: shape_of_fields(one.fields, spec.types) for version, one in event.versions.items()
    }
    places = Places.settle(
        spec.service,
        root=root,
        out=root / configuration.out,
        package=configuration.package,
        handlers=configuration.handlers,
    )
    return Explanation(
        service=spec.service,
        event=name,
        journey=travel(hops, shapes, *way),
        readers=tuple(readers_of(spec, name, stream, event.version)),
        folder=shown(places.package_folder, root),
        files=tuple(generated_for(spec, name, hops, _pins(spec, name), way)),
    )


def _pins(spec: Spec, name: str) -> Iterator[int]:
    for subscription in spec.subscriptions.values():
        for event, version in map(pinned, subscription.events or ()):
            if event == name and version is not None:
                yield version


def _events(spec: Spec) -> Iterator[tuple[str, Event]]:
    for workflow in spec.workflows.values():
        yield from workflow.events.items()


def _unknown(specs: Sequence[Spec], name: str) -> Problem:
    """Return the problem that there is no such event, at the one that was probably meant."""
    known = {event: spec for spec in specs for event, _ in _events(spec)}
    message = f'no event is called "{name}"'
    better = nearest(name, known)
    if better:
        place = event_place(known[better], better)
        return place.problem("HW907", message, f'did you mean "{better}"?')
    for spec in specs:
        for section, noun in (("types", "type"), ("commands", "command")):
            if name in getattr(spec, section):
                hint = "`headwater explain` takes events and codes"
                return _problem(f'"{name}" is a {noun}, no event', hint)
    return _problem(message, f"there is {', '.join(known)}" if known else "there are none")


def _no_version(spec: Spec, name: str, version: int, event: Event) -> Problem:
    known = ", ".join(f"{name}@{number}" for number in event.versions)
    return event_place(spec, name).problem(
        "HW907", f"{name} has no version {version}", f"there is {known}"
    )


def _problem(message: str, hint: str) -> Problem:
    return Problem(code="HW907", message=message, file="headwater", hint=hint)


def _silent(place: Place, code: str, message: str, hint: str) -> None:
    """Pass over what `check` has told."""
