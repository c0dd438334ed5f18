"""The grammar: every key that a spec may have, and the tree that a spec is read into.

One declaration says what a key means, what may stand there, and what holds without it. Reading, the
JSON Schema for editors and the reference all come from it. Names that refer to something are plain
names here; whether there is such a thing is for `check` to say.
"""

# ruff: noqa: RUF009 - `key` and `keys` declare fields, as `dataclasses.field` does
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeAlias, cast

from typing_extensions import override

from ..load import NOWHERE, Entry, Node, Place
from ..load import Mapping as MappingNode
from ..load import Scalar as ScalarNode
from ..problems import Problem
from .containers import ListShape, MapShape, Record, Variants
from .declare import JSON, UNSET, Model, Shape, Unset, key, keys
from .foreign import FIELD_KEYS, is_like_field, sized
from .numbers import Boolean, Duration, GrammarVersion, Instant, Integer, Number, VersionNumber
from .ops import Op, Ops
from .types import TypeExpression
from .words import Choice, EnumValue, Json, Name, Note, Pattern, Reference, Text, TypeText

__all__ = [
    "BEGINNING",
    "CONSTRAINTS",
    "FIRST_VERSION",
    "KINDS",
    "LATEST",
    "MAX_DECLARED",
    "MAX_FIELDS",
    "SECTIONS",
    "Backoff",
    "Command",
    "Compatibility",
    "EnumType",
    "Event",
    "Field",
    "Kind",
    "ObjectType",
    "Offset",
    "PastVersion",
    "Retry",
    "SharedTypes",
    "Spec",
    "Start",
    "Stream",
    "Subscription",
    "Timestamp",
    "TypeDeclaration",
    "UnionType",
    "Upcasts",
    "Workflow",
]

Kind: TypeAlias = Literal["starts", "continues", "starts_or_continues", "stream"]
Delivery: TypeAlias = Literal["at-most-once", "at-least-once"]

KINDS: tuple[Kind, ...] = ("starts", "continues", "starts_or_continues", "stream")
FIRST_VERSION = 1  # of an event
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
DELIVERIES = ("at-most-once", "at-least-once")
NONE: Mapping[str, object] = MappingProxyType({})

DESCRIPTION = "What it is for. Becomes the docstring, and the description in schemas and OpenAPI."


@dataclass(frozen=True, kw_only=True)
class Field(Model):
    """A value that an event, a command or an object carries."""

    NOUN: ClassVar[str] = "a field"

    type: TypeExpression = key(
        "What values the field takes.", TypeText(), example="type: list<string>"
    )
    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: What a search finds it by."
    )
    default: JSON | Unset = key(
        "The value of a field that is not given. In a list or mapping, each instance gets its own.",
        Json(),
        default=UNSET,
        default_words="none: the field must be given (`null` for `T | null`)",
        example="default: []",
    )
    personal: bool = key(
        "Whether the value tells something about a person: it is masked in `repr` and in logs.",
        Boolean(),
        default=False,
        example="personal: true",
    )
    constraints: Mapping[str, JSON] = keys(
        minLength=("The fewest characters, or bytes.", Integer(0), "minLength: 1"),
        maxLength=("The most characters, or bytes.", Integer(0), "maxLength: 80"),
        pattern=(
            (
                "A regular expression that is found in the text; `^` and `$` tie it to the ends. "
                "No look-around, no back-references: matching takes time linear in the text. "
                "No flags either, nor what else JSON Schema (ECMA-262) does not know."
            ),
            Pattern(),
            'pattern: "^[A-Z]{3}$"',
        ),
        minimum=("The least value.", Number(), "minimum: 0"),
        maximum=("The greatest value.", Number(), "maximum: 100"),
        exclusiveMinimum=("Values are greater than this.", Number(), "exclusiveMinimum: 0"),
        exclusiveMaximum=("Values are less than this.", Number(), "exclusiveMaximum: 1"),
        multipleOf=("Values are a multiple of this.", Number(), "multipleOf: 5"),
        minItems=("The fewest items of a list.", Integer(0), "minItems: 1"),
        maxItems=("The most items of a list.", Integer(0), "maxItems: 10"),
        uniqueItems=("Whether the items of a list differ.", Boolean(), "uniqueItems: true"),
        minProperties=("The fewest entries of a map.", Integer(0), "minProperties: 1"),
        maxProperties=("The most entries of a map.", Integer(0), "maxProperties: 10"),
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)

    EXAMPLES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("type", "description", "default", "personal", "maxItems", "uniqueItems"),
        ("type", "minItems"),
        ("type: string", "minLength", "maxLength", "pattern"),
        ("type: int", "minimum", "maximum", "multipleOf"),
        ("type: float", "exclusiveMinimum", "exclusiveMaximum"),
        ("type: map<int>", "minProperties", "maxProperties"),
    )
    FOREIGN: ClassVar[Mapping[str, str]] = FIELD_KEYS

    @override
    @classmethod
    def hint(cls, unknown: Entry, node: MappingNode) -> str:
        word = re.sub(r"[-_]", "", unknown.key.text).lower()
        if hint := super().hint(unknown, node):
            written = node.value("type")
            if isinstance(written, ScalarNode) and "null" not in written.text:
                return hint.replace("T | null", f"{written.text} | null")
            return hint
        if better := sized(word, _kind(node)):
            return f'did you mean "{better}"?'
        if node.value("type") is None and is_like_field(unknown):
            return "declare an object under types, and name it as the type"
        return ""

    @override
    @classmethod
    def fitting(cls, node: MappingNode) -> tuple[str, ...]:
        return ("type", "description", "default", "personal", *CONSTRAINTS.get(_kind(node), ()))


def _kind(node: MappingNode) -> str:
    """Return how the type of a field begins: that of `list<string> | null` is `list`."""
    written = node.value("type")
    found = re.match(r"\s*(\w+)", written.text) if isinstance(written, ScalarNode) else None
    return found[1] if found else ""


CONSTRAINTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "string": ("minLength", "maxLength", "pattern"),
        "email": ("minLength", "maxLength", "pattern"),
        "uri": ("minLength", "maxLength", "pattern"),
        "bytes": ("minLength", "maxLength"),
        "int": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        "float": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        "decimal": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        "list": ("minItems", "maxItems", "uniqueItems"),
        "map": ("minProperties", "maxProperties"),
    }
)
"""Which constraints a type takes; of `T | null`, those of `T`."""

MAX_DECLARED = 5_000  # events of a service; types, commands and so on, too
MAX_FIELDS = 500  # of one event, command or object


def _fields(*, required: bool = False) -> Mapping[str, Field]:
    meaning = "Its fields, in the order of the constructor."
    shape = MapShape(Name("a field", "snake_case"), Record(Field, short="type"), empty=True)
    example = "fields: {user_id: int, note: {type: string, maxLength: 500}}"
    if required:
        return cast("Mapping[str, Field]", key(meaning, shape, example=example))
    return cast(
        "Mapping[str, Field]",
        key(meaning, shape, default=NONE, default_words="no fields", example=example),
    )


class _TypeForm(Shape):
    """An older form of a type, declared as types are."""

    @property
    def _variants(self) -> Variants:
        return Variants({"enum": EnumType, "fields": ObjectType, "one_of": UnionType})

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        return self._variants.read(node, problems, owner)

    @override
    def schema(self) -> dict[str, Any]:
        return self._variants.schema()

    @property
    @override
    def words(self) -> str:
        return self._variants.words

    @override
    def parts(self) -> tuple[type[Model], ...]:
        return self._variants.parts()


def _type_history() -> Mapping[str, TypeDeclaration]:
    return cast(
        "Mapping[str, TypeDeclaration]",
        key(
            "Its older forms by their numbers, 1, 2, 3...: versions of events that were released "
            "with one name it so, such as `Role@1`. The form without a number is the newest.",
            MapShape(VersionNumber(), _TypeForm()),
            default=NONE,
            default_words="none: this is its first form",
            example="history: {1: {enum: [member]}}",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class EnumType(Model):
    """A choice among texts that are known beforehand; a `StrEnum`."""

    NOUN: ClassVar[str] = "an enum"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: What a user may do."
    )
    values: tuple[str, ...] = key(
        "The values, as they are on the wire. `in-progress` is the member `IN_PROGRESS`.",
        ListShape(EnumValue()),
        name="enum",
        example="enum: [member, admin]",
    )
    history: Mapping[str, TypeDeclaration] = _type_history()
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class ObjectType(Model):
    """Several fields as one value."""

    NOUN: ClassVar[str] = "an object"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: Where something is sent to."
    )
    fields: Mapping[str, Field] = _fields(required=True)
    history: Mapping[str, TypeDeclaration] = _type_history()
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class UnionType(Model):
    """One of several objects. A tag tells which: a field beside theirs, with the type's name."""

    NOUN: ClassVar[str] = "a tagged union"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: How to reach somebody."
    )
    members: tuple[str, ...] = key(
        "The objects.",
        ListShape(Reference("an object type")),
        name="one_of",
        example="one_of: [EmailContact, PhoneContact]",
    )
    tag: str = key("The tag's name.", Name("a tag", "snake_case"), example="tag: kind")
    history: Mapping[str, TypeDeclaration] = _type_history()
    node: Node = field(default=NOWHERE, compare=False, repr=False)


TypeDeclaration: TypeAlias = EnumType | ObjectType | UnionType


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
        "`at-most-once` acknowledges before the handler runs, `at-least-once` after it returned.",
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
    node: Node = field(default=NOWHERE, compare=False, repr=False)


def _upcast() -> tuple[Op, ...]:
    return cast(
        "tuple[Op, ...]",
        key(
            "The ops that lead here from the version before, in order. What only became wider (a "
            "new enum value, `T` to `T | null`, int to float, a looser constraint) needs none.",
            Ops(),
            default=(),
            default_words="none: the version before fits as it is",
            example='upcast: [add: {note: ""}]',
        ),
    )


@dataclass(frozen=True, kw_only=True)
class PastVersion(Model):
    """A version of an event that is not recorded any more, and still read."""

    NOUN: ClassVar[str] = "a past version"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: As it was before 2024."
    )
    fields: Mapping[str, Field] = _fields()
    upcast: tuple[Op, ...] = _upcast()
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Event(Model):
    """What happened. The workflow's id and the time are recorded with it, they are no fields."""

    NOUN: ClassVar[str] = "an event"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: A user exists from now on."
    )
    terminal: bool = key(
        "Whether it ends its workflow: continuing an ended one is an error.",
        Boolean(),
        default=False,
        example="terminal: true",
    )
    fields: Mapping[str, Field] = _fields()
    upcast: tuple[Op, ...] = _upcast()
    history: Mapping[str, PastVersion] = cast(
        "Mapping[str, PastVersion]",
        key(
            "Its versions before this one by their numbers, 1, 2, 3... This one, the head, has the "
            "next number.",
            MapShape(VersionNumber(), Record(PastVersion)),
            default=NONE,
            default_words="none: this is version 1",
            example="history: {1: {fields: {user_id: int}}}",
        ),
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)

    @property
    def version(self) -> int:
        """The head's number."""
        return max(map(int, self.history), default=0) + FIRST_VERSION

    @property
    def versions(self) -> Mapping[int, PastVersion | Event]:
        """Each version by its number, oldest first; the last is the head."""
        past = sorted(self.history.items(), key=lambda one: int(one[0]))
        return {**{int(number): one for number, one in past}, self.version: self}


@dataclass(frozen=True, kw_only=True)
class Workflow(Model):
    """A business process. Each instance has an id; its events share one stream."""

    NOUN: ClassVar[str] = "a workflow"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: One user, from added to removed."
    )
    stream: str = key(
        "The stream that its events are recorded in.",
        Reference("a stream"),
        example="stream: users",
    )
    events: Mapping[str, Event] = key(
        "What it emits. An event's name is unique in the service.",
        MapShape(Name("an event", "PascalCase"), Record(Event)),
        example="events: {UserRemoved: {terminal: true, fields: {user_id: int}}}",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Command(Model):
    """A request to the service. Its handler emits events, all of which are recorded or none.

    One key says what it does: `starts`, `continues` or `starts_or_continues` name a workflow;
    `stream` names a stream and lets the handler emit events of any workflow there.
    """

    NOUN: ClassVar[str] = "a command"
    EXACTLY_ONE: ClassVar[tuple[str, ...]] = KINDS
    EXAMPLES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("description", "starts", "id", "fields", "result", "emits", "validate"),
        ("continues", "by", "fields"),
        ("starts_or_continues", "by", "fields"),
        ("stream", "fields"),
    )
    FOREIGN: ClassVar[Mapping[str, str]] = {
        "event": 'did you mean "emits"?',
        "events": 'did you mean "emits"?',
        "returns": 'did you mean "result"?',
        "workflow": "say starts, continues or starts_or_continues, with the workflow's name",
    }

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: Invite somebody by email."
    )
    starts: str | None = key(
        "The workflow that it starts: its id must be new.",
        Reference("a workflow"),
        default=None,
        example="starts: Invitation",
    )
    continues: str | None = key(
        "The workflow that it continues: there must be one with the id.",
        Reference("a workflow"),
        default=None,
        example="continues: Invitation",
    )
    starts_or_continues: str | None = key(
        "The workflow that it starts, or continues if there is one with the id.",
        Reference("a workflow"),
        default=None,
        example="starts_or_continues: Cart",
    )
    stream: str | None = key(
        "The stream that it writes to, where it is about no single workflow.",
        Reference("a stream"),
        default=None,
        example="stream: users",
    )
    id: str | None = key(
        "The field whose value becomes the id of a workflow that the command `starts`: a natural "
        "key. An int, a string or a uuid.",
        Reference("a field"),
        default=None,
        default_words="a new uuid",
        example="id: user_id",
    )
    by: str | None = key(
        "The field that holds the id of the workflow where the command `continues` or "
        "`starts_or_continues` one. An int, a string or a uuid.",
        Reference("a field"),
        default=None,
        default_words="`<workflow>_id`, such as `invitation_id`",
        example="by: user_id",
    )
    fields: Mapping[str, Field] = _fields()
    result: TypeExpression | None = key(
        "What the handler returns to the caller.",
        TypeText(),
        default=None,
        default_words="the workflow's id if the command may start one, else nothing",
        example="result: list<string>",
    )
    emits: tuple[str, ...] | None = key(
        "The events that the handler may emit.",
        ListShape(Reference("an event")),
        default=None,
        default_words="all events of the workflow, or of the stream",
        example="emits: [UserInvited]",
    )
    validate: bool = key(
        "Whether a validator runs before the handler: a function that refuses by raising.",
        Boolean(),
        default=False,
        example="validate: true",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)

    @property
    def kind(self) -> Kind:
        """What it does: the one key of `KINDS` that is there."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def target(self) -> str:
        """The workflow, or the stream, that the key names."""
        return cast("str", getattr(self, self.kind))


@dataclass(frozen=True, kw_only=True)
class Backoff(Model):
    """The waits between tries: each is twice the one before, up to a limit, with some chance."""

    NOUN: ClassVar[str] = "a backoff"

    initial: float = key(
        "The first wait.", Duration(), default=1.0, default_words="`1s`", example="initial: 1s"
    )
    maximum: float = key(
        "The longest wait.",
        Duration(),
        name="max",
        default=60.0,
        default_words="`60s`",
        example="max: 60s",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Retry(Model):
    """What happens when a handler fails."""

    NOUN: ClassVar[str] = "a retry"

    attempts: int = key(
        "Tries in all; after the last the event becomes a dead letter.",
        Integer(1, 1000),
        default=5,
        example="attempts: 5",
    )
    backoff: Backoff = key(
        "How long to wait in between.",
        Record(Backoff),
        default=Backoff(),
        default_words="`{initial: 1s, max: 60s}`",
        example="backoff: {initial: 1s, max: 60s}",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)

    @property
    def initial(self) -> float:
        """The first wait in seconds."""
        return self.backoff.initial

    @property
    def maximum(self) -> float:
        """The longest wait in seconds."""
        return self.backoff.maximum


@dataclass(frozen=True, kw_only=True)
class Offset(Model):
    """Start with the event at an offset of a persistent stream."""

    NOUN: ClassVar[str] = "an offset"

    offset: int = key("The offset of the first event.", Integer(1), example="offset: 1")
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Timestamp(Model):
    """Start with the first event recorded at a time or later."""

    NOUN: ClassVar[str] = "a timestamp"

    timestamp: datetime = key("The time.", Instant(), example="timestamp: 2024-05-01T12:00:00Z")
    node: Node = field(default=NOWHERE, compare=False, repr=False)


BEGINNING: Literal["beginning"] = "beginning"
LATEST: Literal["latest"] = "latest"
Start: TypeAlias = Literal["beginning", "latest"] | Offset | Timestamp


OnUnknown: TypeAlias = Literal["dead-letter", "hold", "skip"]
ON_UNKNOWN: tuple[OnUnknown, ...] = ("dead-letter", "hold", "skip")


@dataclass(frozen=True, kw_only=True)
class Subscription(Model):
    """A named interest in the events of one stream."""

    NOUN: ClassVar[str] = "a subscription"
    EXAMPLES: ClassVar[tuple[tuple[str, ...], ...]] = (
        (
            *("description", "stream", "mode", "events", "start", "retry", "ack_timeout"),
            *("concurrency", "expire_after", "metadata"),
        ),
        ("stream", "mode", "delivery", "handler", "on_unknown"),
    )
    FOREIGN: ClassVar[Mapping[str, str]] = {
        "from": 'did you mean "start"?',
        "retries": 'did you mean "retry"?',
        "timeout": 'did you mean "ack_timeout"?',
        "type": 'did you mean "mode"?',
    }

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: Sends the invitation."
    )
    stream: str = key("The stream to read.", Reference("a stream"), example="stream: users")
    mode: Literal["broadcast", "exclusive"] = key(
        "How its consumers share the events: in a `broadcast` each gets every event, in an "
        "`exclusive` subscription each event goes to one of them.",
        Choice(("broadcast", "exclusive")),
        example="mode: broadcast",
    )
    events: tuple[str, ...] | None = key(
        "The events to deliver; others are passed over. `UserAdded@1` pins a version: newer events "
        "are brought down to it and older ones up; without a number it is the newest.",
        ListShape(Reference("an event")),
        default=None,
        default_words="all events of the stream, each in its newest version",
        example="events: [UserAdded, UserRemoved]",
    )
    delivery: Delivery | None = key(
        "How often the handler takes effect for one event.",
        Choice(DELIVERIES),
        default=None,
        default_words="as the stream says",
        example="delivery: at-most-once",
    )
    start: Start = key(
        "Where a new consumer starts on a persistent stream. An ephemeral one is read from now on.",
        Variants(
            {"offset": Offset, "timestamp": Timestamp}, {BEGINNING: BEGINNING, LATEST: LATEST}
        ),
        default=BEGINNING,
        default_words="`beginning`",
        example="start: latest",
    )
    retry: Retry | None = key(
        "What happens when the handler fails.",
        Record(Retry),
        default=None,
        default_words="`{attempts: 5, backoff: {initial: 1s, max: 60s}}`",
        example="retry: {attempts: 3, backoff: {initial: 500ms, max: 5m}}",
    )
    ack_timeout: float | None = key(
        "How long a delivery may go without being acknowledged before it counts as failed.",
        Duration(),
        default=None,
        default_words="`30s`",
        example="ack_timeout: 2m",
    )
    concurrency: int | None = key(
        "How many deliveries of one consumer are under way at once. Those of one workflow keep "
        "their order, unless they are delivered at most once: acknowledged before they are "
        "handled, they may overlap.",
        Integer(1, 1000),
        default=None,
        default_words="1",
        example="concurrency: 8",
    )
    expire_after: float | None = key(
        "How long a consumer of a `broadcast` may be away before it is forgotten, with its place "
        "in the stream and what waits for it.",
        Duration(),
        default=None,
        default_words="never",
        example="expire_after: 90d",
    )
    on_unknown: OnUnknown | None = key(
        "What becomes of an event that the service does not know, or knows in older versions only: "
        "a later release recorded it. `dead-letter` sets it aside, `hold` waits with it and what "
        "comes after it until a service that knows it runs, `skip` passes it over and counts it. "
        "With `events`, events of other names are not asked for and pass.",
        Choice(ON_UNKNOWN),
        default=None,
        default_words="`dead-letter`",
        example="on_unknown: hold",
    )
    handler: bool = key(
        "Whether the service handles it; `false` where only iterators read.",
        Boolean(),
        default=True,
        example="handler: false",
    )
    metadata: Mapping[str, str] = key(
        "Notes of your own, which handlers can read.",
        MapShape(Note("a note's name"), Note("a note"), empty=True),
        default=NONE,
        default_words="none",
        example="metadata: {team: growth}",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)


_TYPES = MapShape(
    Name("a type", "PascalCase"),
    Variants({"enum": EnumType, "fields": ObjectType, "one_of": UnionType}),
    empty=True,
)
_TYPES_EXAMPLE = "types: {Role: {enum: [member, admin]}}"
_HEADWATER = ("The version of this grammar.", GrammarVersion(), "headwater: 1")


@dataclass(frozen=True, kw_only=True)
class Upcasts:
    """The file of the functions that a spec's `custom` ops call."""

    path: str
    """Relative to the project, with `/`."""
    text: str
    """With line feeds; without its byte order mark."""
    digests: Mapping[str, str]
    """By function, a hash of it and of what it refers to."""


@dataclass(frozen=True, kw_only=True)
class Spec(Model):
    """A service: what it emits, what it can be asked, and who listens."""

    NOUN: ClassVar[str] = "a spec"
    FOREIGN: ClassVar[Mapping[str, str]] = {
        "events": "events are declared under their workflow: workflows: {User: {events: ...}}",
        "name": 'did you mean "service"?',
    }

    headwater: int = key(_HEADWATER[0], _HEADWATER[1], example=_HEADWATER[2])
    service: str = key(
        "The service's name.", Name("a service", "kebab-case"), example="service: user-service"
    )
    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: Users and their invitations."
    )
    compatibility: Compatibility = key(
        "What changes of events must be, where their stream does not say.",
        Choice(COMPATIBILITIES),
        default="backward-transitive",
        default_words="`backward-transitive`: whatever was recorded must be read",
        example="compatibility: full-transitive",
    )
    imports: tuple[str, ...] = key(
        "Files with types that several services share, relative to this file. They lie inside the "
        "project and have two keys, `headwater` and `types`.",
        ListShape(Note("the path of a file")),
        default=(),
        default_words="none",
        example="imports: [shared/money.yaml]",
    )
    types: Mapping[str, TypeDeclaration] = key(
        "Types of the service's own.",
        _TYPES,
        default=NONE,
        default_words="none",
        example=_TYPES_EXAMPLE,
    )
    streams: Mapping[str, Stream] = key(
        "Its streams.",
        MapShape(Name("a stream", "kebab-case"), Record(Stream), empty=True),
        default=NONE,
        default_words="none",
        example="streams: {users: {type: persistent}}",
    )
    workflows: Mapping[str, Workflow] = key(
        "Its workflows, with their events.",
        MapShape(Name("a workflow", "PascalCase"), Record(Workflow), empty=True),
        default=NONE,
        default_words="none",
        example="workflows: {User: {stream: users, events: {UserAdded: {fields: {user_id: int}}}}}",
    )
    commands: Mapping[str, Command] = key(
        "What it can be asked to do.",
        MapShape(Name("a command", "PascalCase"), Record(Command), empty=True),
        default=NONE,
        default_words="none",
        example="commands: {AddUser: {starts: User, id: user_id, fields: {user_id: int}}}",
    )
    subscriptions: Mapping[str, Subscription] = key(
        "Who listens to its streams.",
        MapShape(Name("a subscription", "kebab-case"), Record(Subscription), empty=True),
        default=NONE,
        default_words="none",
        example="subscriptions: {audit: {stream: users, mode: broadcast, handler: false}}",
    )
    path: str = ""
    """The spec's file or folder, relative to the project, with `/`."""
    files: tuple[str, ...] = ()
    """Every file that was read for it, sorted, as `path` is."""
    upcasts: Upcasts | None = None
    """The functions that its `custom` ops call."""
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class SharedTypes(Model):
    """A file of types that several services import."""

    NOUN: ClassVar[str] = "a file of shared types"

    headwater: int = key(_HEADWATER[0], _HEADWATER[1], example=_HEADWATER[2])
    types: Mapping[str, TypeDeclaration] = key("The types.", _TYPES, example=_TYPES_EXAMPLE)
    node: Node = field(default=NOWHERE, compare=False, repr=False)


SECTIONS = frozenset({"imports", "types", "streams", "workflows", "commands", "subscriptions"})
"""Keys of a spec that may stand in several files of its folder, and are joined."""
