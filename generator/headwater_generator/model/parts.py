"""What templates see: one generated package, with nothing left to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..grammar import Spec
from .places import ClientPlaces, Places
from .protos import ProtoFile
from .scope import Import, Scope
from .storage import Digests, Revision
from .versions import EventVersion

__all__ = [
    "Alias",
    "Attribute",
    "ClientPackage",
    "CommandClass",
    "CommandObject",
    "Contents",
    "ContractPackage",
    "DataClass",
    "EditionNotes",
    "EnumClass",
    "EventAlias",
    "EventClass",
    "EventPromises",
    "ExampleEvent",
    "Function",
    "HopPromises",
    "Module",
    "Package",
    "PublishedStream",
    "SamplePayload",
    "ServiceModule",
    "StepObject",
    "StreamObject",
    "Stub",
    "SubscriptionObject",
    "UpcastFunction",
    "UpcastingModule",
    "WorkflowObject",
    "WriterClass",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """What every module has: its imports, and what it calls the names of libraries."""

    imports: tuple[tuple[Import, ...], ...]
    names: Mapping[str, str]
    items: tuple[object, ...] = ()
    """What it defines, in order."""

    @staticmethod
    def of(scope: Scope, items: Iterable[object] = ()) -> Module:
        """Return the module of these things, which have given the scope all their names."""
        items = tuple(items)  # the last names come as they are made
        return Module(imports=scope.imports(), names=scope.names(), items=items)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field of a class."""

    name: str
    annotation: str
    default: str | None


@dataclass(frozen=True, slots=True)
class EnumClass:
    """An enum: members are pairs of name and value."""

    name: str
    summary: str
    members: tuple[tuple[str, str], ...]
    kind: str = "enum"


@dataclass(frozen=True, slots=True)
class DataClass:
    """An object of the spec's `types`."""

    name: str
    summary: str
    fields: tuple[Attribute, ...]
    kind: str = "data"


@dataclass(frozen=True, slots=True)
class Alias:
    """A tagged union."""

    name: str
    summary: str
    target: str
    kind: str = "alias"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventClass:
    """One version of an event."""

    name: str
    class_name: str
    version: int
    terminal: bool
    summary: str
    fields: tuple[Attribute, ...]
    kind: str = "event"


@dataclass(frozen=True, slots=True)
class EventAlias:
    """The name of an event without a version, and the class that it stands for."""

    name: str
    target: str
    kind: str = "alias"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandClass:
    """A command."""

    name: str
    class_name: str
    result: str
    summary: str
    fields: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterClass:
    """A workflow, or a stream that commands write to."""

    kind: str
    name: str
    class_name: str
    summary: str
    events: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionObject:
    """A subscription; `arguments` are those that differ from the runtime's defaults."""

    name: str
    variable: str
    summary: str
    stream: str
    mode: str
    union: str
    events: str
    arguments: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A handler: what `Handlers` declares and a stub defines."""

    name: str
    summary: str
    parameters: tuple[tuple[str, str], ...]
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamObject:
    """A stream; `delivery` only where it is not the runtime's default."""

    name: str
    type: str
    delivery: str | None
    replay: bool
    retention: str | None
    publication: str | None
    remote: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowObject:
    """What belongs to a workflow."""

    class_name: str
    stream: str
    events: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandObject:
    """What belongs to a command; `arguments` are those that differ from the runtime's defaults."""

    class_name: str
    kind: str
    arguments: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepObject:
    """A step of an upcast that may fail, and names its op then."""

    name: str
    kind: str
    """Its class."""
    version: int
    op: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcastFunction:
    """What makes one version of an event out of another."""

    event: str
    source: int
    target: int
    name: str
    statements: tuple[tuple[str, str], ...]
    """What is made before the result: name and expression."""
    takes_envelope: bool
    fields: tuple[tuple[str, str], ...]
    """Of the result: name on the wire, and expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcastingModule(Module):
    """`upcasting.py`."""

    steps: tuple[StepObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HopPromises:
    """What holds between a version of an event and the next."""

    older: int
    newer: int
    ops: tuple[str, ...]
    """As a spec would write them, on one line each."""
    arguments: tuple[tuple[str, str], ...]
    """Those that differ from the runtime's defaults: name and expression."""
    remarks: tuple[str, ...]
    """Why it is not safe, for who reads the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePayload:
    """A payload of one version, and what comes of it at others."""

    version: int
    payload: str
    becomes: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPromises:
    """What is promised of the versions of an event."""

    name: str
    head: int
    pins: tuple[int, ...]
    hops: tuple[HopPromises, ...]
    samples: tuple[SamplePayload, ...]
    envelope: tuple[str, ...]
    """What is recorded beside a payload, where an op takes from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceModule(Module):
    """`service.py`."""

    workflows: tuple[WorkflowObject, ...]
    commands: tuple[CommandObject, ...]
    streams: tuple[StreamObject, ...]
    contracts: tuple[str, ...]
    """Of the services whose streams are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """A handler function in a file of its own, as it is first written."""

    name: str
    """Of the function, and of its module."""
    subject: str
    """The command or subscription it is for, as the spec calls it."""
    module: Module
    function: Function
    body: str
    """`emit`, `refuse`, `log` or `missing`: what the template writes."""
    event: str = ""
    arguments: tuple[tuple[str, str], ...] = ()
    """Of the emitted event, for the body `emit`: name and expression."""
    writer: str = ""
    returns_id: bool = False
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The events of a service, as modules and schemas are made of them."""

    spec: Spec
    folder: Path
    """Where the modules go."""
    format: int
    service: str
    variable: str
    """Name of the object that has the versions of the events."""
    source: str
    summary: str
    versions: tuple[EventVersion, ...]
    """Of all events, each oldest first."""
    digests: Digests
    """The hash of the schema of each version."""
    types: Module
    events: Module
    upcasting: UpcastingModule
    promises: Module
    """`test_upcasting.py`."""
    exports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names that the package offers, by module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package(Contents):
    """Everything about one service that files are made of; its variable is its `Service`."""

    places: Places
    commands: Module
    workflows: Module
    subscriptions: Module
    handlers: Module
    service_module: ServiceModule
    stubs: tuple[Stub, ...]
    protos: tuple[ProtoFile, ...]
    revisions: tuple[Revision, ...] = ()
    """What a database goes through, the oldest first."""
    remotes: tuple[ContractPackage, ...] = ()
    """The contracts of other services that it carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedStream:
    """A stream that a contract has, with the classes of its events."""

    name: str
    events: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleEvent:
    """An event as it arrives, for who reads the README of a client package."""

    name: str
    stream: str
    leaves_at: int
    versions: tuple[int, ...]
    class_name: str
    """Of the version at which it leaves."""
    description: str
    payload: str
    """As on the wire, laid out; empty where none could be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionNotes:
    """What a version of a client package brought."""

    version: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractPackage(Contents):
    """What a service publishes, for others to read; its variable is its `Contract`."""

    contract: Module
    """`contract.py`; its items are streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPackage(ContractPackage):
    """The same as a package to install."""

    places: ClientPlaces
    version: str
    editions: tuple[EditionNotes, ...]
    """Newest first; the first may be a draft."""
    departures: Mapping[str, Mapping[str, int]]
    examples: tuple[ExampleEvent, ...]
