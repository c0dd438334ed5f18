"""The keys of a stream's publication: how its events leave the service."""

# ruff: noqa: RUF009 - `key` and `keys` declare fields, as `dataclasses.field` does
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from typing_extensions import override

from ..load import NOWHERE, Node, Place, Scalar
from ..problems import Problem
from .containers import ListShape, Record
from .declare import Model, Shape, key
from .numbers import Boolean
from .words import Choice, Reference

__all__ = ["Publication", "PublicationShape", "Unrouted"]

Unrouted: TypeAlias = Literal["hold", "drop"]


@dataclass(frozen=True, kw_only=True)
class Publication(Model):
    """How the events of a stream leave the service through a broker, for others to read."""

    NOUN: ClassVar[str] = "a publication"
    FOREIGN: ClassVar[dict[str, str]] = {"versions": 'did you mean "at"?'}

    at: tuple[str, ...] = key(
        "The versions at which events leave, whichever they were recorded at: `UserAdded@1`. "
        "Those who read them know this version, so moving it on is a break of the contract.",
        ListShape(Reference("an event's version")),
        default=(),
        default_words="each event leaves at the version of it that was released first",
        example="at: [UserAdded@1]",
    )
    unrouted: Unrouted = key(
        "What becomes of an event that no queue takes, because nobody has subscribed yet. `hold` "
        "waits with it, and with what comes after it in its workflow; `drop` is done with it, and "
        "counts it.",
        Choice(("hold", "drop")),
        default="hold",
        example="unrouted: drop",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class PublicationShape(Shape):
    """A publication, or `true` for one as usual; `false` for none."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if not isinstance(node, Scalar):
            return Record(Publication).read(node, problems, owner)
        chosen = Boolean().read(node, problems, owner)
        if isinstance(chosen, bool):
            return Publication(node=node) if chosen else None
        return chosen

    @override
    def schema(self) -> dict[str, Any]:
        return {"anyOf": [Boolean().schema(), Record(Publication).schema()]}

    @property
    @override
    def words(self) -> str:
        return f"`true`, `false` or {Record(Publication).words}"

    @override
    def parts(self) -> tuple[type[Model], ...]:
        return (Publication,)
