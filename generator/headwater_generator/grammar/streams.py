"""The keys of a stream."""

# ruff: noqa: RUF009 - `key` and `keys` declare fields, as `dataclasses.field` does
from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from ..load import NOWHERE, Node
from .containers import Record
from .declare import DESCRIPTION, Model, key
from .numbers import Boolean
from .publication import Publication, PublicationShape
from .retention import Retention
from .words import Choice, Text

__all__ = ["COMPATIBILITIES", "DELIVERIES", "Compatibility", "Delivery", "Origin", "Stream"]

Compatibility: TypeAlias = Literal[
    "backward",
    "backward-transitive",
    "forward",
    "forward-transitive",
    "full",
    "full-transitive",
]
COMPATIBILITIES: tuple[Compatibility, ...] = (
    "backward",
    "backward-transitive",
    "forward",
    "forward-transitive",
    "full",
    "full-transitive",
)


Delivery: TypeAlias = Literal["at-most-once", "at-least-once", "exactly-once"]
DELIVERIES: tuple[Delivery, ...] = ("at-most-once", "at-least-once", "exactly-once")


@dataclass(frozen=True, slots=True)
class Origin:
    """Which stream of which other service a stream is."""

    service: str
    stream: str
    direct: bool
    """Whether the broker's queues serve it, instead of a log of its own."""


@dataclass(frozen=True, kw_only=True)
class Stream(Model):
    """A named sequence of events."""

    NOUN: ClassVar[str] = "a stream"

    type: Literal["persistent", "ephemeral"] = key(
        "`persistent` is a log: an event stays, at an offset that never changes. `ephemeral` is a "
        "queue for each subscription: an event is gone once it was consumed.",
        Choice(("persistent", "ephemeral")),
        example="type: persistent",
    )
    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: Everything that happened to users."
    )
    delivery: Delivery = key(
        "How often a handler takes effect for one event, where its subscription does not say. "
        "`at-most-once` acknowledges before the handler runs, `at-least-once` after it returned, "
        "`exactly-once` in the transaction in which it writes.",
        Choice(DELIVERIES),
        default="at-least-once",
        default_words="`at-least-once`",
        example="delivery: at-most-once",
    )
    replay: bool = key(
        "Whether the events of a persistent stream can be read again, outside of its "
        "subscriptions; `false` where nobody is to see what was recorded before.",
        Boolean(),
        default=True,
        example="replay: false",
    )
    retention: Retention | None = key(
        "How long the events of a persistent stream are kept.",
        Record(Retention),
        default=None,
        default_words="for good",
        example="retention: {age: 90d, size: 10GiB}",
    )
    publish: Publication | None = key(
        "Whether the events leave the service through a broker, for other services to read; and "
        "how they do. A client package for those who read them is generated.",
        PublicationShape(),
        default=None,
        default_words="`false`: the stream is internal",
        example="publish: true",
    )
    compatibility: Compatibility | None = key(
        "What changes of its events must be, which `headwater breaking` judges by: `backward` if "
        "new readers must read what was recorded, `forward` if old readers must be served what is "
        "recorded from now on, `full` for both; `-transitive` with every released version, "
        "otherwise with the newest.",
        Choice(COMPATIBILITIES),
        default=None,
        default_words="as the service says",
        example="compatibility: full",
    )
    origin: Origin | None = None
    """Of a stream that is another service's: declared under `remote`, and not by these keys."""
    node: Node = field(default=NOWHERE, compare=False, repr=False)
