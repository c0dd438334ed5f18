"""The grammar: every key that a spec may have, and the tree that a spec is read into.

One declaration says what a key means, what may stand there, and what holds without it. Reading, the
JSON Schema for editors and the reference all come from it. Names that refer to something are plain
names here; whether there is such a thing is for `check` to say.
"""

# ruff: noqa: RUF009 - `key` and `keys` declare fields, as `dataclasses.field` does
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ..load import NOWHERE, Node
from .commands import Command
from .containers import ListShape, MapShape, Record, Variants
from .declarations import EnumType, ObjectType, TypeDeclaration, UnionType
from .declare import DESCRIPTION, NONE, Model, key
from .numbers import GrammarVersion
from .remotes import Remote
from .streams import COMPATIBILITIES, Compatibility, Stream
from .subscriptions import Subscription
from .words import Choice, Name, Note, Text
from .workflows import Event, Workflow

__all__ = ["MAX_DECLARED", "SECTIONS", "Contract", "SharedTypes", "Spec", "Upcasts"]

MAX_DECLARED = 5_000  # events of a service; types, commands and so on, too
SECTIONS = frozenset(
    {"imports", "types", "streams", "remote", "workflows", "commands", "subscriptions"}
)
"""Keys of a spec that may stand in several files of its folder, and are joined."""
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
    remote: Mapping[str, Remote] = key(
        "Other services, by name, whose streams are read here.",
        MapShape(Name("a service", "kebab-case"), Record(Remote)),
        default=NONE,
        default_words="none",
        example="remote: {audit-service: {client: audit_service_client, streams: [entries]}}",
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
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    """What the services under `remote` publish. Their streams are among `streams`, called
    `user-service/users`.
    """
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What another service publishes, as its own spec says."""

    spec: Spec
    """Without what is nobody else's business: commands, subscriptions, remotes."""
    client: str | None
    """The installed package that it was found in; `None`: a spec of this project."""
    files: tuple[Path, ...]
    """What was read for it."""

    def events_of(self, stream: str) -> Mapping[str, Event]:
        """Return the events of a published stream."""
        return {
            name: event
            for workflow in self.spec.workflows.values()
            if workflow.stream == stream
            for name, event in workflow.events.items()
        }


@dataclass(frozen=True, kw_only=True)
class SharedTypes(Model):
    """A file of types that several services import."""

    NOUN: ClassVar[str] = "a file of shared types"

    headwater: int = key(_HEADWATER[0], _HEADWATER[1], example=_HEADWATER[2])
    types: Mapping[str, TypeDeclaration] = key("The types.", _TYPES, example=_TYPES_EXAMPLE)
    node: Node = field(default=NOWHERE, compare=False, repr=False)
