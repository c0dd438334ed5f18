"""What a database has to go through for a service: its streams, and the schemas of its events.

A revision says what is added to what came before. Those that were released are kept in the lock
and stay as they are; what a spec has beyond them is one draft, which is made anew by each run.
Where branches have released apart, the next revision follows all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from headwater.schema.operations import AddSchema, AddStream
from headwater.schema.revisions import branch_of, is_draft, revision_id

from ..evolution import digest, shape_of_fields
from ..grammar import Spec
from .versions import versions_of

__all__ = [
    "Addition",
    "Digests",
    "Revision",
    "digests_of",
    "draft_after",
    "frozen_after",
    "in_order",
    "is_of_content",
]

Addition: TypeAlias = AddStream | AddSchema
Digests: TypeAlias = Mapping[tuple[str, int], str]
"""The hash of what counts in each version of each event, by name and version."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One step, on the service's own branch."""

    id: str
    """It follows from the operations and the parents."""
    parents: tuple[str, ...]
    operations: tuple[Addition, ...]

    @property
    def name(self) -> str:
        """What tells it from the others of its service."""
        return self.id.rpartition(".")[2]

    @property
    def module(self) -> str:
        """Name of the module that carries it out: a draft's is always the same."""
        return f"revision_{'draft' if is_draft(self.id) else self.name}"

    @property
    def follows(self) -> str | tuple[str, ...] | None:
        """The parents as alembic has them."""
        if len(self.parents) > 1:
            return self.parents
        return self.parents[0] if self.parents else None

    @property
    def summary(self) -> str:
        """What it adds, in words."""
        streams = [one.name for one in self.operations if isinstance(one, AddStream)]
        schemas = sum(isinstance(one, AddSchema) for one in self.operations)
        counted = [f"{schemas} event version{'' if schemas == 1 else 's'}"] if schemas else []
        if added := [*(f"stream {name}" for name in streams), *counted]:
            return f"Add {', '.join(added)}."
        return "Bring together what branches have released apart."


def is_of_content(revision: Revision) -> bool:
    """Tell whether a released revision has the id that follows from what it does."""
    branch = revision.id.rpartition(".")[0]
    content = _content_of(revision.parents, revision.operations)
    return revision.id == revision_id(branch, content, is_draft=False)


def in_order(revisions: Iterable[Revision]) -> tuple[Revision, ...]:
    """Return them with parents before children, always in the same order.

    Raises:
        KeyError: The parent of one is not among them; its argument is that one.
    """
    waiting = sorted(revisions, key=lambda one: one.id)
    placed: dict[str, Revision] = {}
    while waiting:
        for one in waiting:
            if placed.keys() >= {*one.parents}:
                placed[one.id] = one
                waiting.remove(one)
                break
        else:
            raise KeyError(waiting[0].id)
    return tuple(placed.values())


def digests_of(spec: Spec) -> Digests:
    """Return the hash of what counts in each version of each event."""
    return {
        (one.name, one.version): digest(shape_of_fields(one.fields, spec.types))
        for one in versions_of(spec)
    }


def draft_after(spec: Spec, released: Sequence[Revision], digests: Digests) -> tuple[Revision, ...]:
    """Return the draft that brings the spec's streams and schemas, or nothing if all are there."""
    return _after(spec, released, digests, lambda _: True, as_draft=True)


def frozen_after(
    spec: Spec, released: Sequence[Revision], is_released: Callable[[str, int], bool]
) -> tuple[Revision, ...]:
    """Return the revision that brings what was released since, if anything was."""
    versions = {(one.name, one.version): one.stream for one in versions_of(spec)}
    streams = {stream for key, stream in versions.items() if is_released(*key)}
    if all(is_released(*key) for key in versions):
        streams |= {*spec.streams}

    def belongs(one: Addition) -> bool:
        if isinstance(one, AddStream):
            return one.name in streams
        return is_released(one.event, one.version)

    return _after(spec, released, digests_of(spec), belongs, as_draft=False)


def _after(
    spec: Spec,
    released: Sequence[Revision],
    digests: Digests,
    belongs: Callable[[Addition], bool],
    *,
    as_draft: bool,
) -> tuple[Revision, ...]:
    known = {one for revision in released for one in revision.operations}
    new = tuple(one for one in _wanted(spec, digests) if one not in known and belongs(one))
    followed = {parent for revision in released for parent in revision.parents}
    heads = tuple(sorted(one.id for one in released if one.id not in followed))
    if not new and len(heads) < 2:
        return ()
    content = _content_of(heads, new)
    return (Revision(revision_id(branch_of(spec.service), content, is_draft=as_draft), heads, new),)


def _content_of(parents: Sequence[str], operations: Iterable[Addition]) -> str:
    """Return what an id is made of."""
    rows = [
        [one.name, one.type] if isinstance(one, AddStream) else [one.event, one.version, one.digest]
        for one in operations
    ]
    return json.dumps([parents, rows], ensure_ascii=False, separators=(",", ":"))


def _wanted(spec: Spec, digests: Digests) -> Iterator[Addition]:
    for name, stream in spec.streams.items():
        if stream.origin is None or not stream.origin.direct:  # what the broker keeps is not here
            yield AddStream(name, stream.type)
    for one in versions_of(spec):
        yield AddSchema(one.name, one.version, digests[one.name, one.version])
