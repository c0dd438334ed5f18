"""A service: everything that its spec declared, checked once, as the runtime executes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from .commands.definition import CommandDefinition, CommandKind
from .errors import ConfigurationError
from .events import Event
from .evolution import Registry, Schemas, Upcasting
from .migrations import Migrations
from .schema import FORMAT
from .streams import DeliverySemantics, FromLatest, Lagging, Remote, Stream, StreamType
from .subscriptions.definition import Subscription
from .workflows import StreamWriter, Workflow

__all__ = ["Contract", "Service", "WorkflowDefinition"]

H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class WorkflowDefinition:
    """A workflow, the stream that its events go to, and those events in every version."""

    workflow: type[Workflow[Any]]
    _: KW_ONLY
    stream: str
    events: tuple[type[Event], ...]

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.workflow.workflow_name


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What another service publishes, as its client package says.

    Raises:
        ConfigurationError: Two classes are the same version of an event.
    """

    service: str
    """Whose streams they are."""
    streams: Mapping[str, tuple[type[Event], ...]] = field(hash=False)
    """Its published streams, each with its events in every version."""
    upcasting: Upcasting = field(
        default_factory=lambda: MappingProxyType({}), repr=False, compare=False
    )
    """The ways between the versions of events."""
    schemas: Schemas | None = field(default=None, repr=False, compare=False)
    """The JSON Schemas of its event versions; `None` where there are no files of them."""
    registry: Registry = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        events = dict.fromkeys(event for events in self.streams.values() for event in events)
        object.__setattr__(self, "registry", Registry(events, self.upcasting))


@dataclass(frozen=True, kw_only=True)
class Service(Generic[H]):
    """A service whose handlers have the shape `H`.

    Raises:
        ConfigurationError: Another version of Headwater generated it, or its parts do not fit
            together; all that is wrong is named at once.
    """

    format: int
    name: str
    description: str | None = None
    streams: tuple[Stream, ...] = ()
    workflows: tuple[WorkflowDefinition, ...] = ()
    commands: tuple[CommandDefinition, ...] = ()
    subscriptions: tuple[Subscription[Event], ...] = ()
    remotes: tuple[Contract, ...] = ()
    """What it reads of other services."""
    upcasting: Upcasting = field(
        default_factory=lambda: MappingProxyType({}), repr=False, compare=False
    )
    """The ways between the versions of events."""
    schemas: Schemas | None = field(default=None, repr=False, compare=False)
    """The JSON Schemas of its event versions; `None` where there are no files of them."""
    migrations: Migrations | None = field(default=None, repr=False, compare=False)
    """What a database has to go through; `None` where there are no revisions."""
    registry: Registry = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ConfigurationError(
                f"{self.name} was generated in format {self.format}, and this Headwater runs "
                f"format {FORMAT}: run `headwater generate` with the version that you run"
            )
        if problems := list(_problems(self)):
            raise ConfigurationError(*problems)
        events = (event for definition in self.workflows for event in definition.events)
        object.__setattr__(self, "registry", Registry(events, self.upcasting))

    def stream(self, name: str) -> Stream:
        """The stream of that name. Raises `KeyError` where there is none."""
        return _by_name(self.streams, name)

    @property
    def kept_streams(self) -> tuple[Stream, ...]:
        """Those that the database has a place for."""
        return tuple(stream for stream in self.streams if stream.is_kept)

    def workflow(self, workflow: type[Workflow[Any]]) -> WorkflowDefinition:
        """What belongs to the workflow. Raises `KeyError` where it is not this service's."""
        return _by_name(self.workflows, workflow.workflow_name)

    def events_of(self, stream: str) -> tuple[type[Event], ...]:
        """Every event that may stand in the stream, in each of its versions, as in the spec.

        Those of a remote stream are as its contract has them.
        """
        if (found := self._remote(stream)) is not None:
            remote, contract = found
            return contract.streams.get(remote.stream, ())
        return tuple(
            event
            for definition in self.workflows
            if definition.stream == stream
            for event in definition.events
        )

    def registry_of(self, stream: str) -> Registry:
        """The versions of the stream's events: the service's own, or those of its contract."""
        found = self._remote(stream)
        return self.registry if found is None else found[1].registry

    def upcasting_of(self, stream: str) -> Upcasting:
        """The ways between the versions of the stream's events."""
        found = self._remote(stream)
        return self.upcasting if found is None else found[1].upcasting

    def _remote(self, stream: str) -> tuple[Remote, Contract] | None:
        """What a remote stream is, and its contract; `None` for any other."""
        for one in self.streams:
            if one.name == stream and one.remote is not None:
                for contract in self.remotes:
                    if contract.service == one.remote.service:
                        return one.remote, contract
        return None

    def stream_of(self, command: CommandDefinition) -> Stream:
        """The stream that the command's events go to."""
        target = command.target
        if issubclass(target, StreamWriter):
            return self.stream(target.stream_name)
        return self.stream(self.workflow(target).stream)

    def emitted_by(self, command: CommandDefinition) -> tuple[type[Event], ...]:
        """The events that the command's handler may emit: only heads are recorded."""
        if command.emits is not None:
            return command.emits
        if command.workflow is not None:
            possible = self.workflow(command.workflow).events
        else:
            possible = self.events_of(self.stream_of(command).name)
        return tuple(one for one in possible if one is self.registry.get(one.event_name))


MOST_IN_A_BATCH = 1000  # events

T = TypeVar("T", Stream, WorkflowDefinition)


def _by_name(definitions: tuple[T, ...], name: str) -> T:
    for definition in definitions:
        if definition.name == name:
            return definition
    raise KeyError(name)


def _problems(service: Service[Any]) -> Iterator[str]:
    yield from _duplicates("stream", [stream.name for stream in service.streams])
    yield from _duplicates("workflow", [workflow.name for workflow in service.workflows])
    yield from _duplicates("command", [command.name for command in service.commands])
    yield from _duplicates("subscription", [one.name for one in service.subscriptions])
    events = {event for one in service.workflows for event in one.events}
    yield from _duplicates(
        "event version", [f"{one.event_name} {one.event_version}" for one in events]
    )
    streams = {stream.name: stream for stream in service.streams}
    yield from _duplicates("contract", [contract.service for contract in service.remotes])
    for stream in service.streams:
        yield from _retention_problems(stream)
        if stream.publication is not None:
            yield from _publication_problems(service, stream)
        if stream.remote is not None:
            yield from _remote_problems(service, stream, stream.remote)
    for workflow in service.workflows:
        if workflow.stream not in streams:
            yield f"workflow {workflow.name} is in no stream of the service: {workflow.stream!r}"
        elif (remote := streams[workflow.stream].remote) is not None:
            yield (
                f"workflow {workflow.name} cannot be in {workflow.stream}: only {remote.service} "
                "emits into it"
            )
    for command in service.commands:
        yield from _command_problems(service, command, streams)
    for subscription in service.subscriptions:
        yield from _subscription_problems(service, subscription, streams)


def _retention_problems(stream: Stream) -> Iterator[str]:
    retention = stream.retention
    if retention is None:
        return
    if stream.type is StreamType.EPHEMERAL:
        yield f"{stream.name} is ephemeral and retains nothing: its events go once consumed"
    for what, limits in (("retention", retention), ("ceiling", retention.ceiling)):
        if limits is not None and (limits.age, limits.events, limits.size) == (None, None, None):
            yield f"the {what} of {stream.name} has no limit"
    if retention.ceiling is not None and retention.lagging is Lagging.GAP:
        yield f"{stream.name} has a ceiling, and waits for nobody"


def _publication_problems(service: Service[Any], stream: Stream) -> Iterator[str]:
    if stream.remote is not None:
        yield f"{stream.name} is published, and it is for {stream.remote.service} to publish it"
        return
    versions = stream.publication.versions if stream.publication else {}
    possible = service.events_of(stream.name)
    names = dict.fromkeys(event.event_name for event in possible)
    for name in sorted(set(versions) - set(names)):
        yield f"{stream.name} publishes {name}, which it does not carry"
    try:
        registry = Registry(dict.fromkeys(possible), service.upcasting)
    except ConfigurationError:
        return  # two of them are one version, which is told as such
    for name in names:
        if (version := versions.get(name)) is None:
            yield f"{stream.name} is published, and does not say at which version {name} leaves"
            continue
        if version not in [event.event_version for event in possible if event.event_name == name]:
            yield f"{stream.name} publishes {name} version {version}, which there is not"
            continue
        for recorded in registry.history(name):
            if not registry.can_upcast(name, recorded.event_version, version):
                yield (
                    f"{stream.name} publishes {name} version {version}, and no way leads there "
                    f"from version {recorded.event_version}"
                )


def _remote_problems(service: Service[Any], stream: Stream, remote: Remote) -> Iterator[str]:
    if stream.name != f"{remote.service}/{remote.stream}":
        yield f"{stream.name} is {remote.service}/{remote.stream}, and has to be called that"
    if remote.service == service.name:
        yield f"{stream.name} is the service's own stream, and cannot be a remote one as well"
    contract = next((one for one in service.remotes if one.service == remote.service), None)
    if contract is None:
        yield f"{stream.name} is a stream of {remote.service}, whose contract is not there"
    elif remote.stream not in contract.streams:
        yield f"{remote.service} does not publish {remote.stream}, so {stream.name} is nowhere"
    if remote.direct and stream.type is not StreamType.EPHEMERAL:
        yield f"{stream.name} is read from the broker and keeps no log, so it has to be ephemeral"
    if not remote.direct and stream.type is not StreamType.PERSISTENT:
        yield f"{stream.name} is taken into a log, so it has to be persistent"


def _duplicates(kind: str, names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two {kind}s are called {name}"


def _command_problems(
    service: Service[Any], command: CommandDefinition, streams: dict[str, Stream]
) -> Iterator[str]:
    name = f"command {command.name}"
    fields = command.command.model_fields
    if command.kind is CommandKind.STREAM:
        if command.workflow is not None or command.id_field is not None:
            yield f"{name} writes to a stream, so it has neither workflow nor id field"
        if command.writer is None:
            yield f"{name} writes to a stream and needs its writer"
            return
        if command.writer.stream_name not in streams:
            yield f"{name} writes to no stream of the service: {command.writer.stream_name!r}"
            return
        if (remote := streams[command.writer.stream_name].remote) is not None:
            yield (
                f"{name} cannot write to {command.writer.stream_name}: only {remote.service} "
                "emits into it"
            )
            return
        possible = service.events_of(command.writer.stream_name)
    else:
        if command.writer is not None:
            yield f"{name} concerns a workflow, so it has no writer"
        if command.workflow is None:
            yield f"{name} needs its workflow"
            return
        if command.workflow not in [one.workflow for one in service.workflows]:
            yield f"{name} concerns no workflow of the service: {command.workflow.workflow_name}"
            return
        if command.id_field is None and command.kind is not CommandKind.STARTS:
            yield f"{name} needs the field that holds the workflow's id"
        if command.id_field is not None and command.id_field not in fields:
            yield f"{name} has no field {command.id_field!r} to take the workflow's id from"
        possible = service.workflow(command.workflow).events
    for event in command.emits or ():
        if event not in possible:
            yield f"{name} cannot emit {event.event_name}: it belongs elsewhere"


def _subscription_problems(
    service: Service[Any], subscription: Subscription[Event], streams: dict[str, Stream]
) -> Iterator[str]:
    name = f"subscription {subscription.name}"
    stream = streams.get(subscription.stream)
    if stream is None:
        yield f"{name} is on no stream of the service: {subscription.stream!r}"
        return
    possible = service.events_of(subscription.stream)
    upcasting = service.upcasting_of(subscription.stream)
    for event in subscription.events:
        if event not in possible:
            yield f"{name} asks for {event.event_name}, which {stream.name} does not carry"
    for event in subscription.events:
        for stored in possible:
            way = (event.event_name, stored.event_version, event.event_version)
            if stored.event_name != event.event_name or stored is event:
                continue
            if way not in upcasting:
                yield (
                    f"{name} wants {event.event_name} version {event.event_version}, and no way "
                    f"leads there from version {stored.event_version}"
                )
    wanted = [event.event_name for event in subscription.events]
    for event_name in sorted({one for one in wanted if wanted.count(one) > 1}):
        yield f"{name} asks for {event_name} twice, and can have one version of it"
    if not subscription.events:
        yield f"{name} asks for no event"
    if subscription.whole_stream:
        missing = {event.event_name for event in possible} - set(wanted)
        for event_name in sorted(missing):
            yield f"{name} is for the whole stream, and {event_name} is not among its events"
    if stream.type is StreamType.EPHEMERAL and not isinstance(
        subscription.start, FromLatest | None
    ):
        yield f"{name} starts in the past, and {stream.name} is ephemeral: it can start at latest"
    if subscription.concurrency < 1:
        yield f"{name} has a concurrency of {subscription.concurrency}; at least 1 is needed"
    if not subscription.ack_timeout > 0:
        yield f"{name} has an ack_timeout of {subscription.ack_timeout:g} s; it must be above 0"
    delivery = subscription.delivery or stream.delivery
    if subscription.batch is not None:
        if not 1 <= subscription.batch <= MOST_IN_A_BATCH:
            yield f"{name} has a batch of {subscription.batch}; it has 1 to {MOST_IN_A_BATCH}"
        if subscription.handler is None:
            yield f"{name} has a batch, and no handler that could be given one"
        if delivery is DeliverySemantics.AT_MOST_ONCE:
            yield f"{name} has a batch, of which all events would be lost with one: at most once"
        if delivery is DeliverySemantics.EXACTLY_ONCE and not stream.is_kept:
            yield f"{name} has a batch, of events that the broker repeats one by one: exactly once"
    if not stream.is_kept and subscription.mode.needs_a_log:
        yield f"{name} is a {subscription.mode.value}, and {stream.name} is read from the broker"
    if subscription.timeout is not None:
        if not subscription.timeout > 0:
            yield f"{name} has a timeout of {subscription.timeout:g} s; it must be above 0"
        elif subscription.timeout >= subscription.ack_timeout and (
            delivery is not DeliverySemantics.AT_MOST_ONCE
        ):
            yield (
                f"{name} has a timeout of {subscription.timeout:g} s; it must be below its "
                f"ack_timeout of {subscription.ack_timeout:g} s"
            )
    if subscription.breaker.failures < 1 or not subscription.breaker.pause > 0:
        yield f"{name} needs a breaker with at least 1 failure, and a pause above 0"
    if subscription.expire_after is not None and not subscription.expire_after > 0:
        yield f"{name} has an expire_after of {subscription.expire_after:g} s; it must be above 0"
    retry = subscription.retry
    if retry.attempts < 1 or not 0 <= retry.initial <= retry.maximum:
        yield f"{name} needs at least 1 attempt, and waits with 0 <= initial <= maximum"
