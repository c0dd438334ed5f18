"""Drafts frozen: from then on they can't change, and numbers on the wire stay."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from ..grammar import Spec
from ..model.storage import frozen_after
from ..model.versions import versions_of
from .editions import next_edition
from .entries import Accepted, Contract, Entry, Lock
from .keeping import frozen_types, homes_of, kept, ops_hash

__all__ = ["release"]


def release(
    spec: Spec, known: Lock, names: Collection[str] = (), reason: str = ""
) -> tuple[Lock, tuple[str, ...]]:
    """Return the lock with drafts released, and what was, such as `UserAdded@2`.

    Args:
        names: Events and commands; all without any.
        reason: Why ops of released versions were replaced; kept with them.
    """
    lock, _ = kept(spec, known)
    told: list[str] = []
    accepted = list(lock.accepted)
    events = dict(lock.events)
    for name, versions in lock.events.items():
        if not names or name in names:
            events[name] = _frozen(name, versions, told)
    if reason:
        for one in versions_of(spec):
            entry = events[one.name][one.version]
            ops = ops_hash(one.upcast, spec.upcasts)
            if (not names or one.name in names) and entry.ops != ops:
                events[one.name] = MappingProxyType(
                    {**events[one.name], one.version: replace(entry, ops=ops)}
                )
                told.append(f"{one.name}@{one.version}")
                accepted.append(
                    Accepted(subject=one.name, version=one.version, change="upcast", reason=reason)
                )
    homes = dict(lock.homes)
    for name, home in homes_of(spec).items():
        if not names or name in names:
            if homes.get(name, home) != home:
                told.append(f"{name} in workflow {home.workflow} and stream {home.stream}")
            homes[name] = home
    types = dict(lock.types)
    for name, version in frozen_types(spec, replace(lock, events=events)):
        entry = types[name][version]
        types[name] = MappingProxyType({**types[name], version: replace(entry, status="released")})
    commands = {
        name: _settled(name, one, told) if not names or name in names else one
        for name, one in lock.commands.items()
    }
    inputs = {name: _settled("", one, []) for name, one in lock.inputs.items()}

    def is_released(name: str, version: int) -> bool:
        return events[name][version].is_released

    storage = (*lock.storage, *frozen_after(spec, lock.storage, is_released))
    told += [f"revision {one.id}" for one in storage[len(lock.storage) :]]
    done = replace(
        lock,
        storage=storage,
        events=events,
        homes=homes,
        types=types,
        commands=commands,
        inputs=inputs if commands != lock.commands else lock.inputs,
        accepted=tuple(accepted),
    )
    edition = next_edition(spec, done)
    if edition:
        told.append(f"client package {edition.version}")
        done = replace(done, editions=(*done.editions, edition))
    return done, tuple(told)


def _frozen(name: str, versions: Mapping[int, Entry], told: list[str]) -> Mapping[int, Entry]:
    told += [f"{name}@{version}" for version, one in versions.items() if not one.is_released]
    return MappingProxyType(
        {version: replace(one, status="released") for version, one in versions.items()}
    )


def _settled(name: str, contract: Contract, told: list[str]) -> Contract:
    if contract.draft is None:
        return contract
    told.append(name)
    return Contract(replace(contract.draft, status="released"))
