"""What leaves the service: which events of which streams, and each at which version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from ..grammar import FIRST_VERSION, Field, Named, Spec
from ..grammar.ops import Custom, walk
from ..names import pinned
from .versions import TypeVersion, needed_types, type_versions_of, versions_of

__all__ = ["Departures", "departures", "published"]

Departures: TypeAlias = Mapping[str, Mapping[str, int]]
"""By published stream, the version at which each of its events leaves."""


def departures(spec: Spec, first_released: Mapping[str, int]) -> Departures:
    """Return at which versions events leave: what the spec states, else what was released first."""
    return {
        name: {
            event: stated.get(event) or first_released.get(event, FIRST_VERSION)
            for workflow in spec.workflows.values()
            if workflow.stream == name
            for event in workflow.events
        }
        for name, stream in spec.streams.items()
        if stream.publish is not None
        for stated in [dict(map(pinned, stream.publish.at))]
    }


def published(spec: Spec) -> Spec:
    """Return what others see of a spec: published streams, their workflows and events, and the
    types in these, in all their versions.
    """
    streams = {name: one for name, one in spec.streams.items() if one.publish is not None}
    workflows = {name: one for name, one in spec.workflows.items() if one.stream in streams}
    part = replace(
        spec,
        streams=MappingProxyType(streams),
        workflows=MappingProxyType(workflows),
        remote=MappingProxyType({}),
        contracts=MappingProxyType({}),
        commands=MappingProxyType({}),
        subscriptions=MappingProxyType({}),
    )
    calls = any(isinstance(op, Custom) for one in versions_of(part) for op in walk(one.upcast))
    needed = {one.name for one in _types_of(part)}
    types = {name: one for name, one in spec.types.items() if name in needed}
    upcasts = spec.upcasts if calls else None
    return replace(part, types=MappingProxyType(types), upcasts=upcasts)


def _types_of(spec: Spec) -> tuple[TypeVersion, ...]:
    """Return the versions of types that a spec's events need, each with all its other versions."""
    every = tuple(type_versions_of(spec))
    groups = [one.fields for one in versions_of(spec)]
    found: tuple[TypeVersion, ...] = ()
    while True:
        heads = {one.type for one in needed_types(every, groups)}
        wider = tuple(one for one in every if one.type in heads)
        if wider == found:
            return found
        found = wider
        groups = [*groups, *({one.name: Field(type=Named(one.name))} for one in found)]
