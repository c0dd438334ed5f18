"""One generated package: what its templates see, with nothing left to decide."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from headwater.schema import FORMAT

from ..grammar import (
    UNSET,
    Command,
    EnumType,
    Event,
    Field,
    Nullable,
    ObjectType,
    Offset,
    Scalar,
    Spec,
    Subscription,
    Timestamp,
    TypeExpression,
    UnionType,
    named_types,
)
from ..names import enum_member, pascal, python_name, snake
from .annotations import Annotation, Annotations, Shape
from .literals import default_of, literal, moment
from .places import Places
from .scope import Import, Scope

__all__ = [
    "Alias",
    "Attribute",
    "DataClass",
    "EnumClass",
    "EventAlias",
    "EventClass",
    "Function",
    "Module",
    "Package",
    "Shapes",
    "Stub",
    "build",
    "functions_of",
]

MODULES = frozenset(
    {"commands", "events", "handlers", "schemas", "service", "subscriptions", "types", "workflows"}
)
_KINDS = {
    "starts": "STARTS",
    "continues": "CONTINUES",
    "starts_or_continues": "STARTS_OR_CONTINUES",
    "stream": "STREAM",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """What every module has: its imports, and what it calls the names of libraries."""

    imports: tuple[tuple[Import, ...], ...]
    names: Mapping[str, str]
    items: tuple[object, ...] = ()
    """What it defines, in order."""


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
class ServiceModule(Module):
    """`service.py`."""

    workflows: tuple[WorkflowObject, ...]
    commands: tuple[CommandObject, ...]
    streams: tuple[StreamObject, ...]


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
class Package:
    """Everything about one service that files are made of."""

    spec: Spec
    places: Places
    format: int
    service: str
    variable: str
    """Name of the `Service` object."""
    source: str
    summary: str
    types: Module
    events: Module
    commands: Module
    workflows: Module
    subscriptions: Module
    handlers: Module
    service_module: ServiceModule
    stubs: tuple[Stub, ...]
    exports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names that the package offers, by module."""


class Shapes:
    """What has to be asked of datamodel-code-generator for one spec, by name."""

    def __init__(self, spec: Spec) -> None:
        self.types = {name: _type_shape(one) for name, one in spec.types.items()}
        self.events = {
            name: Shape.of_fields(event.fields.values())
            for workflow in spec.workflows.values()
            for name, event in workflow.events.items()
        }
        self.commands = {name: _command_shape(one) for name, one in spec.commands.items()}

    def __iter__(self) -> Iterator[Shape]:
        yield from self.types.values()
        yield from self.events.values()
        yield from self.commands.values()

    def __len__(self) -> int:
        return len(self.types) + len(self.events) + len(self.commands)


def build(spec: Spec, places: Places, shapes: Shapes, annotations: Annotations) -> Package:
    """Settle everything about a service; `annotations` has resolved the spec's shapes."""
    return _Builder(spec, places, shapes, annotations).build()


def functions_of(spec: Spec) -> Iterator[tuple[str, str, str]]:
    """Yield each handler: its name, its task (`validate`, `handle`, `consume`), and for whom."""
    for name, command in spec.commands.items():
        if command.validate:
            yield _validator_of(name), "validate", name
        yield _handler_of(name), "handle", name
    for name, subscription in spec.subscriptions.items():
        if subscription.handler:
            yield _handler_of(name), "consume", name


def _handler_of(name: str) -> str:
    """Return the function for a command or subscription; its object is called so too."""
    return python_name(snake(name))


def _validator_of(command: str) -> str:
    return f"validate_{snake(command)}"


def _type_shape(declaration: EnumType | ObjectType | UnionType) -> Shape:
    match declaration:
        case EnumType(values=values):
            return Shape.of_enum(values)
        case UnionType(members=members):
            return Shape.of_union(members)
        case ObjectType(fields=fields):
            return Shape.of_fields(fields.values())


def _command_shape(command: Command) -> Shape:
    result = _result(command)
    fields = list(command.fields.values())
    return Shape.of_fields([*fields, _plain(result)] if result else fields)


def _result(command: Command) -> TypeExpression | None:
    """Return the type of what `execute` returns; `None` for nothing."""
    if command.result is not None:
        return command.result
    return Scalar("string") if command.kind in {"starts", "starts_or_continues"} else None


def _plain(expression: TypeExpression) -> Field:
    return Field(type=expression)


class _Builder:
    def __init__(
        self, spec: Spec, places: Places, shapes: Shapes, annotations: Annotations
    ) -> None:
        self.spec = spec
        self.shapes = shapes
        self.places = places
        self.annotations = annotations
        self.events_of_stream: dict[str, list[str]] = {name: [] for name in spec.streams}
        self.events: dict[str, Event] = {}
        for workflow in spec.workflows.values():
            for name, event in workflow.events.items():
                self.events[name] = event
                self.events_of_stream.setdefault(workflow.stream, []).append(name)
        self.writers = {
            command.target: f"{pascal(command.target)}Writer"
            for command in spec.commands.values()
            if command.kind == "stream"
        }
        self.tags = _tags(spec)
        variable = snake(spec.service)
        self.variable = f"{variable}_" if variable in MODULES else variable

    def build(self) -> Package:
        spec = self.spec
        types, events, commands = self.types_module(), self.events_module(), self.commands_module()
        workflows = self.workflows_module()
        exports = {
            "types": tuple(spec.types),
            "events": tuple(
                name for event in self.events for name in (event, self.versioned(event))
            ),
            "commands": tuple(spec.commands),
            "workflows": (*map(self.workflow_class, spec.workflows), *self.writers.values()),
            "handlers": ("Handlers",),
            "service": (self.variable,),
        }
        return Package(
            spec=spec,
            places=self.places,
            format=FORMAT,
            service=spec.service,
            variable=self.variable,
            source=spec.path,
            summary=spec.description or f"What {spec.service} is made of.",
            types=types,
            events=events,
            commands=commands,
            workflows=workflows,
            subscriptions=self.subscriptions_module(),
            handlers=self.handlers_module(),
            service_module=self.service_module(),
            stubs=tuple(self.stubs()),
            exports={module: names for module, names in exports.items() if names},
        )

    # Modules

    def types_module(self) -> Module:
        spec = self.spec
        objects = [one for one in spec.types.values() if isinstance(one, ObjectType)]
        scope = Scope({*spec.types, *_field_names(one.fields for one in objects)})
        items: list[EnumClass | DataClass | Alias] = []
        known: set[str] = set()  # what stands above, and need not be quoted
        for name in _in_order(spec):
            declaration = spec.types[name]
            shape = self.shapes.types[name]
            match declaration:
                case EnumType(description=description):
                    scope["StrEnum"]
                    values = self.annotations.values(shape)
                    members = tuple((enum_member(value), value) for value in values)
                    items.append(EnumClass(name, description or f"One {name}.", members))
                case ObjectType(description=description, fields=fields):
                    scope["Data"]
                    attributes = [
                        *self.tag_fields(name, scope),
                        *self.fields(fields, shape, scope, module=None, known=known),
                    ]
                    items.append(DataClass(name, description or f"One {name}.", tuple(attributes)))
                case UnionType(description=description, tag=tag, members=members_):
                    scope["TypeAlias"]
                    target = self.text(self.annotations.union(shape).type, members_, scope)
                    if len(members_) > 1:
                        discriminator = literal(python_name(tag))
                        target = (
                            f"{scope['Annotated']}"
                            f"[{target}, {scope['Field']}(discriminator={discriminator})]"
                        )
                    items.append(Alias(name, description or f"One {name}.", target))
            known.add(name)
        return Module(imports=scope.imports(), names=scope.names(), items=tuple(items))

    def events_module(self) -> Module:
        own = [name for event in self.events for name in (event, self.versioned(event))]
        scope = Scope(
            {*own, *self.spec.types, *_field_names(one.fields for one in self.events.values())}
        )
        items: list[EventClass | EventAlias] = []
        for name, event in self.events.items():
            for used in ("Event", "ClassVar", "TypeAlias", "str", "int"):
                scope[used]
            if event.terminal:
                scope["bool"]
            class_name = self.versioned(name)
            items += [
                EventClass(
                    name=name,
                    class_name=class_name,
                    version=1,
                    terminal=event.terminal,
                    summary=event.description or f"{name}, version 1.",
                    fields=self.fields(event.fields, self.shapes.events[name], scope, ".types"),
                ),
                EventAlias(name, class_name),
            ]
        return Module(imports=scope.imports(), names=scope.names(), items=tuple(items))

    def commands_module(self) -> Module:
        commands = self.spec.commands
        scope = Scope(
            {*commands, *self.spec.types, *_field_names(c.fields for c in commands.values())}
        )
        items: list[CommandClass] = []
        for name, command in commands.items():
            for used in ("Command", "ClassVar", "str"):
                scope[used]
            shape = self.shapes.commands[name]
            items.append(
                CommandClass(
                    name=name,
                    class_name=name,
                    result=self.result(name, scope, ".types"),
                    summary=command.description or f"The command {name}.",
                    fields=self.fields(command.fields, shape, scope, ".types"),
                )
            )
        return Module(imports=scope.imports(), names=scope.names(), items=tuple(items))

    def workflows_module(self) -> Module:
        classes = [*map(self.workflow_class, self.spec.workflows), *self.writers.values()]
        scope = Scope({*classes, *self.events})
        items: list[WriterClass] = []
        for name, workflow in self.spec.workflows.items():
            scope["Workflow"]
            items.append(
                WriterClass(
                    kind="workflow",
                    name=name,
                    class_name=self.workflow_class(name),
                    summary=workflow.description or f"The workflow {name}.",
                    events=self.union(list(workflow.events), scope),
                )
            )
        for stream, class_name in self.writers.items():
            scope["StreamWriter"]
            items.append(
                WriterClass(
                    kind="writer",
                    name=stream,
                    class_name=class_name,
                    summary=f"The stream {stream}, for commands that write to it.",
                    events=self.union(self.events_of_stream[stream], scope),
                )
            )
        if items:
            scope["ClassVar"]
            scope["str"]
        return Module(imports=scope.imports(), names=scope.names(), items=tuple(items))

    def subscriptions_module(self) -> Module:
        scope = Scope({*self.events, *map(_handler_of, self.spec.subscriptions)})
        items: list[SubscriptionObject] = []
        for name, subscription in self.spec.subscriptions.items():
            scope["Subscription"]
            events = self.subscribed(subscription)
            items.append(
                SubscriptionObject(
                    name=name,
                    variable=_handler_of(name),
                    summary=subscription.description or "",
                    stream=subscription.stream,
                    mode=f"{scope['Mode']}.{subscription.mode.upper()}",
                    union=self.union(events, scope),
                    events=_tuple(events),
                    arguments=tuple(self.subscription_arguments(name, subscription, scope)),
                )
            )
        return Module(imports=scope.imports(), names=scope.names(), items=tuple(items))

    def handlers_module(self) -> Module:
        functions = list(functions_of(self.spec))
        scope = Scope({"Handlers", *(name for name, *_ in functions), *self.public()})
        scope["Protocol"]
        items = tuple(self.function(one, scope, relative=True) for one in functions)
        return Module(imports=scope.imports(), names=scope.names(), items=items)

    def service_module(self) -> ServiceModule:
        spec = self.spec
        scope = Scope({self.variable, "subscriptions", "Handlers", *self.public()})
        scope["Service"]
        scope.sibling(".handlers", "Handlers")
        if spec.subscriptions:
            scope.sibling(".", "subscriptions")
        streams = [
            StreamObject(
                name=name,
                type=f"{scope['StreamType']}.{stream.type.upper()}",
                delivery=None
                if stream.delivery == "at-least-once"
                else _delivery(stream.delivery, scope),
            )
            for name, stream in spec.streams.items()
        ]
        if streams:
            scope["Stream"]
        workflows = [
            WorkflowObject(
                class_name=scope.sibling(".workflows", self.workflow_class(name)),
                stream=workflow.stream,
                events=_tuple(
                    scope.sibling(".events", self.versioned(event)) for event in workflow.events
                ),
            )
            for name, workflow in spec.workflows.items()
        ]
        if workflows:
            scope["WorkflowDefinition"]
        commands = [
            CommandObject(
                class_name=scope.sibling(".commands", name),
                kind=f"{scope['CommandKind']}.{_KINDS[command.kind]}",
                arguments=tuple(self.command_arguments(name, command, scope)),
            )
            for name, command in spec.commands.items()
        ]
        if commands:
            scope["CommandDefinition"]
        return ServiceModule(
            imports=scope.imports(),
            names=scope.names(),
            workflows=tuple(workflows),
            commands=tuple(commands),
            streams=tuple(streams),
            items=tuple(f"subscriptions.{_handler_of(name)}" for name in spec.subscriptions),
        )

    # Fields and types

    def fields(
        self,
        fields: Mapping[str, Field],
        shape: Shape,
        scope: Scope,
        module: str | None,
        known: set[str] | None = None,
    ) -> tuple[Attribute, ...]:
        """Return the attributes of a class. `known`: names that need no quotes; `None` for all."""
        annotations = self.annotations.fields(shape)
        return tuple(
            self.attribute(name, field, annotation, scope, module, known)
            for (name, field), annotation in zip(fields.items(), annotations, strict=False)
        )

    def attribute(
        self,
        name: str,
        field: Field,
        annotation: Annotation,
        scope: Scope,
        module: str | None,
        known: set[str] | None,
    ) -> Attribute:
        attribute = python_name(name)
        is_nullable = isinstance(field.type, Nullable)
        text = self.text(annotation.type, annotation.references, scope, module)
        if is_nullable and not _has_null(annotation.type):
            text = f"{text} | None"
        if known is not None and any(one.name not in known for one in named_types(field.type)):
            text = literal(text)  # refers to what stands below, or to itself
        arguments = list(annotation.constraints)
        if field.description:
            arguments.insert(0, ("description", literal(field.description)))
        if attribute != name:
            arguments.insert(0, ("alias", literal(name)))
        metadata: list[str] = []
        if arguments:
            inner = ", ".join(f"{keyword}={value}" for keyword, value in arguments)
            metadata.append(f"{scope['Field']}({inner})")
        if field.constraints.get("uniqueItems"):
            metadata.append(scope["UniqueItems"])
        if field.personal:
            metadata.append(scope["Personal"])
        if metadata:
            text = f"{scope['Annotated']}[{', '.join([text, *metadata])}]"
        return Attribute(attribute, text, self.default(field, annotation, scope, module))

    def default(
        self, field: Field, annotation: Annotation, scope: Scope, module: str | None
    ) -> str | None:
        if field.default is UNSET:
            return "None" if isinstance(field.type, Nullable) else None
        default = default_of(
            field.type, field.default, types=self.spec.types, scope=scope, types_module=module
        )
        if not default.is_mutable:
            return default.expression
        factory = {"[]": "list", "{}": "dict"}.get(default.expression)
        made = scope[factory] if factory else f"lambda: {default.expression}"
        if default.is_loose and not factory:
            # A literal alone has a type of its own: [1] is no list of int or None.
            container = self.text(annotation.type, annotation.references, scope, module)
            if isinstance(field.default, list) and container == scope["JsonValue"]:
                container = f"{scope['list']}[{container}]"
            elif container == scope["JsonValue"]:
                container = f"{scope['dict']}[{scope['str']}, {container}]"
            made = f"lambda: {container}({default.expression})"
        return f"{scope['Field']}(default_factory={made})"

    def tag_fields(self, name: str, scope: Scope) -> Iterator[Attribute]:
        for tag in self.tags.get(name, ()):
            attribute = python_name(tag)
            text = f"{scope['Literal']}[{literal(name)}]"
            if attribute != tag:
                text = f"{scope['Annotated']}[{text}, {scope['Field']}(alias={literal(tag)})]"
            yield Attribute(attribute, text, literal(name))

    def text(
        self,
        expression: ast.expr,
        references: Sequence[str],
        scope: Scope,
        module: str | None = None,
    ) -> str:
        """Return a type as source text, under the names of the module."""
        match expression:
            case ast.Name(id=name) if name.startswith("Ref"):
                target = references[int(name.removeprefix("Ref"))]
                return scope.sibling(module, target) if module else target
            case ast.Name(id=name):
                return scope[name]
            case ast.BinOp(left=left, right=right):
                parts = (self.text(part, references, scope, module) for part in (left, right))
                return " | ".join(parts)
            case ast.Subscript(value=value, slice=ast.Tuple(elts=items)):
                inner = ", ".join(self.text(item, references, scope, module) for item in items)
                return f"{self.text(value, references, scope, module)}[{inner}]"
            case ast.Subscript(value=value, slice=item):
                inner = self.text(item, references, scope, module)
                return f"{self.text(value, references, scope, module)}[{inner}]"
            case _:
                return ast.unparse(expression)

    def result(self, name: str, scope: Scope, module: str) -> str:
        expression = _result(self.spec.commands[name])
        if expression is None:
            return "None"
        annotation = self.annotations.fields(self.shapes.commands[name])[-1]
        text = self.text(annotation.type, annotation.references, scope, module)
        return f"{text} | None" if isinstance(expression, Nullable) else text

    def union(self, events: Sequence[str], scope: Scope, module: str = ".events") -> str:
        names = [scope.sibling(module, event) for event in events]
        return " | ".join(names) if names else scope["Never"]

    # Names

    def versioned(self, event: str) -> str:
        return f"{event}V1"

    def workflow_class(self, workflow: str) -> str:
        return f"{workflow}Workflow"

    def public(self) -> set[str]:
        """Return every class of the package."""
        return {
            *self.spec.types,
            *self.spec.commands,
            *self.events,
            *map(self.versioned, self.events),
            *map(self.workflow_class, self.spec.workflows),
            *self.writers.values(),
        }

    # Subscriptions, commands and their functions

    def subscribed(self, subscription: Subscription) -> list[str]:
        if subscription.events is not None:
            return list(subscription.events)
        return self.events_of_stream[subscription.stream]

    def subscription_arguments(
        self, name: str, subscription: Subscription, scope: Scope
    ) -> Iterator[tuple[str, str]]:
        if subscription.delivery is not None:
            yield "delivery", _delivery(subscription.delivery, scope)
        is_log = self.spec.streams[subscription.stream].type == "persistent"
        match subscription.start:
            case "latest" if is_log:  # an ephemeral stream always starts there
                yield "start", f"{scope['FromLatest']}()"
            case Offset(offset=offset):
                yield "start", f"{scope['FromOffset']}({offset})"
            case Timestamp(timestamp=timestamp):
                yield "start", f"{scope['FromTimestamp']}({moment(timestamp, scope)})"
            case _:
                pass
        if retry := subscription.retry:
            numbers = {
                "attempts": literal(retry.attempts),
                "initial": literal(float(retry.initial)),
                "maximum": literal(float(retry.maximum)),
            }
            inner = ", ".join(f"{key}={value}" for key, value in numbers.items())
            yield "retry", f"{scope['Retry']}({inner})"
        if subscription.ack_timeout is not None:
            yield "ack_timeout", literal(float(subscription.ack_timeout))
        if subscription.concurrency is not None and subscription.concurrency != 1:
            yield "concurrency", literal(subscription.concurrency)
        if subscription.handler:
            yield "handler", literal(_handler_of(name))
        if subscription.metadata:
            yield "metadata", literal(dict(subscription.metadata))

    def command_arguments(
        self, name: str, command: Command, scope: Scope
    ) -> Iterator[tuple[str, str]]:
        yield "handler", literal(_handler_of(name))
        if command.kind == "stream":
            yield "writer", scope.sibling(".workflows", self.writers[command.target])
        else:
            yield "workflow", scope.sibling(".workflows", self.workflow_class(command.target))
        if id_field := self.id_field(command):
            yield "id_field", literal(python_name(id_field))
        if command.emits is not None:
            events = [scope.sibling(".events", self.versioned(event)) for event in command.emits]
            yield "emits", _tuple(events)
        if command.validate:
            yield "validator", literal(_validator_of(name))

    def id_field(self, command: Command) -> str | None:
        """Return the field that holds the workflow's id."""
        match command.kind:
            case "starts":
                return command.id
            case "stream":
                return None
            case _:
                return command.by or f"{snake(command.target)}_id"

    def function(self, function: tuple[str, str, str], scope: Scope, *, relative: bool) -> Function:
        """Return the signature; names come from sibling modules, or from the package."""
        name, task, subject = function

        def use(module: str, used: str) -> str:
            return scope.sibling(f".{module}" if relative else self.places.package, used)

        if task == "consume":
            subscription = self.spec.subscriptions[subject]
            events = [use("events", event) for event in self.subscribed(subscription)]
            return Function(
                name=name,
                summary=subscription.description or f"Handle an event of {subject}.",
                parameters=(
                    ("event", " | ".join(events) if events else scope["Never"]),
                    ("context", scope["EventContext"]),
                ),
                result="None",
            )
        command = self.spec.commands[subject]
        if task == "validate":
            return Function(
                name=name,
                summary=f"Check {subject} before its handler runs; raise to refuse it.",
                parameters=(
                    ("command", use("commands", subject)),
                    ("context", scope["CommandContext"]),
                ),
                result="None",
            )
        writer = (
            ("stream", use("workflows", self.writers[command.target]))
            if command.kind == "stream"
            else ("workflow", use("workflows", self.workflow_class(command.target)))
        )
        return Function(
            name=name,
            summary=command.description or f"Execute {subject}.",
            parameters=(
                ("command", use("commands", subject)),
                writer,
                ("context", scope["CommandContext"]),
            ),
            result=self.result(subject, scope, ".types" if relative else self.places.package),
        )

    # Stubs

    def stubs(self) -> Iterator[Stub]:
        for function in functions_of(self.spec):
            name, task, subject = function
            scope = Scope({name, "logger", *self.public()})
            settled = self.function(function, scope, relative=False)
            if task == "handle":
                yield self.handler_stub(subject, settled, scope)
                continue
            if task == "consume":
                scope["getLogger"]
            yield Stub(
                name=name,
                subject=subject,
                function=settled,
                body="log" if task == "consume" else "refuse",
                module=Module(imports=scope.imports(), names=scope.names()),
            )

    def handler_stub(self, name: str, function: Function, scope: Scope) -> Stub:
        command = self.spec.commands[name]
        writer = "stream" if command.kind == "stream" else "workflow"
        possible = (
            self.events_of_stream[command.target]
            if writer == "stream"
            else list(self.spec.workflows[command.target].events)
        )
        emits = list(command.emits) if command.emits is not None else possible
        returns_id = command.result is None and _result(command) is not None
        if len(emits) == 1 and (command.result is None):
            event = self.events[emits[0]]
            if _derives(event, command):
                scope.sibling(self.places.package, emits[0])
                arguments = tuple(
                    (python_name(key), f"command.{python_name(key)}")
                    for key in event.fields
                    if key in command.fields
                )
                return Stub(
                    name=function.name,
                    subject=name,
                    function=function,
                    body="emit",
                    event=emits[0],
                    arguments=arguments,
                    writer=writer,
                    returns_id=returns_id,
                    module=Module(imports=scope.imports(), names=scope.names()),
                )
        scope["NotImplementedError"]
        advice = f"emit {_listed(emits)}" if emits else "decide"
        if returns_id:
            advice += ", then return workflow.id"
        elif command.result is not None:
            advice += f", then return the {function.result}"
        return Stub(
            name=function.name,
            subject=name,
            function=function,
            body="missing",
            writer=writer,
            advice=f"{function.name}: {advice}",
            module=Module(imports=scope.imports(), names=scope.names()),
        )


def _field_names(groups: Iterable[Mapping[str, Field]]) -> set[str]:
    return {python_name(name) for fields in groups for name in fields}


def _tuple(names: Iterable[str]) -> str:
    listed = list(names)
    return f"({listed[0]},)" if len(listed) == 1 else f"({', '.join(listed)})"


def _has_null(expression: ast.expr) -> bool:
    match expression:
        case ast.BinOp(left=left, right=right):
            return _has_null(left) or _has_null(right)
        case ast.Constant(value=None):
            return True
        case _:
            return False


def _delivery(delivery: str, scope: Scope) -> str:
    return f"{scope['DeliverySemantics']}.{delivery.replace('-', '_').upper()}"


def _tags(spec: Spec) -> dict[str, list[str]]:
    """Return the tags that each object of a union carries."""
    tags: dict[str, list[str]] = {}
    for declaration in spec.types.values():
        if isinstance(declaration, UnionType):
            for member in declaration.members:
                mine = tags.setdefault(member, [])
                if declaration.tag not in mine:
                    mine.append(declaration.tag)
    return tags


def _in_order(spec: Spec) -> list[str]:
    """Return the types in an order in which each stands below what it needs, as far as it can.

    Enums first; otherwise the order of the file. In a circle the first one named comes first.
    """
    enums = [name for name, one in spec.types.items() if isinstance(one, EnumType)]
    order: list[str] = []
    entered: set[str] = set(enums)

    def enter(first: str) -> None:
        stack = [(first, iter(_needs(spec, first)))]
        entered.add(first)
        while stack:
            name, needs = stack[-1]
            for need in needs:
                if need not in entered and need in spec.types:
                    entered.add(need)
                    stack.append((need, iter(_needs(spec, need))))
                    break
            else:
                order.append(name)
                stack.pop()

    for name in spec.types:
        if name not in entered:
            enter(name)
    return enums + order


def _needs(spec: Spec, name: str) -> list[str]:
    match spec.types[name]:
        case ObjectType(fields=fields):
            return [one.name for field in fields.values() for one in named_types(field.type)]
        case UnionType(members=members):
            return list(members)
        case _:
            return []


def _derives(event: Event, command: Command) -> bool:
    """Tell whether the command's fields make the event: by name, by type, and never too loose."""
    for name, wanted in event.fields.items():
        given = command.fields.get(name)
        if given is None:
            if wanted.default is UNSET and not isinstance(wanted.type, Nullable):
                return False
            continue
        if given.type != wanted.type and Nullable(given.type) != wanted.type:
            return False
        if any(given.constraints.get(key) != value for key, value in wanted.constraints.items()):
            return False
    return True


def _listed(names: Sequence[str]) -> str:
    if len(names) <= 2:
        return " or ".join(names)
    return f"{', '.join(names[:-1])} or {names[-1]}"
