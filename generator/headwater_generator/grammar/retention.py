"""The keys of a stream's retention."""

# ruff: noqa: RUF009 - `key` and `keys` declare fields, as `dataclasses.field` does
from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from ..load import NOWHERE, Node
from .containers import Record
from .declare import Model, key
from .numbers import Duration, Integer, Size
from .words import Choice

__all__ = ["LIMITS", "Ceiling", "Lagging", "Retention"]

Lagging: TypeAlias = Literal["hold", "gap"]
LIMITS = ("age", "events", "size")


@dataclass(frozen=True, kw_only=True)
class Ceiling(Model):
    """Up to where retention waits for those who lag behind; beyond any of these it does not."""

    NOUN: ClassVar[str] = "a ceiling"

    age: float | None = key(
        "Older events are not waited for.", Duration(), default=None, example="age: 180d"
    )
    events: int | None = key(
        "Events before the newest so many are not waited for.",
        Integer(1),
        default=None,
        example="events: 5000000",
    )
    size: int | None = key(
        "Events before the newest of so many bytes are not waited for.",
        Size(),
        default=None,
        example="size: 50GiB",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Retention(Model):
    """How long the events of a persistent stream are kept: what exceeds any of these goes."""

    NOUN: ClassVar[str] = "a retention"
    EXAMPLES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("age", "events", "size", "ceiling"),
        ("age", "lagging"),
    )

    age: float | None = key("Older events go.", Duration(), default=None, example="age: 90d")
    events: int | None = key(
        "The newest so many are kept.", Integer(1), default=None, example="events: 1000000"
    )
    size: int | None = key(
        "The newest of so many bytes are kept: bytes of the events' data, without what a database "
        "adds to them.",
        Size(),
        default=None,
        example="size: 10GiB",
    )
    lagging: Lagging = key(
        "What becomes of events that a subscription is still to settle. `hold` keeps them until it "
        "has; `gap` lets them go, and tells the subscription which it has missed.",
        Choice(("hold", "gap")),
        default="hold",
        example="lagging: gap",
    )
    ceiling: Ceiling | None = key(
        "With `hold`: how far behind those who lag are waited for. What exceeds any of it goes as "
        "with `gap`.",
        Record(Ceiling),
        default=None,
        default_words="as long as it takes",
        example="ceiling: {age: 180d, size: 50GiB}",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)
