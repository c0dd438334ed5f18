"""What the runtime executes: `workflows.py`, `subscriptions.py`, `handlers.py` and `service.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..grammar import Ceiling, Command, Offset, Origin, Retention, Subscription, Timestamp
from ..names import function_name, python_name, validator_name, workflow_class
from .commands import id_field_of
from .facts import Facts
from .functions import functions_of, signature, union
from .literals import literal, moment
from .parts import (
    CommandObject,
    Module,
    ServiceModule,
    StreamObject,
    SubscriptionObject,
    WorkflowObject,
    WriterClass,
)
from .scope import Scope

__all__ = ["handlers_module", "service_module", "subscriptions_module", "workflows_module"]


def workflows_module(facts: Facts) -> Module:
    """Settle `workflows.py`: a class for each workflow, and each stream that is written to."""
    scope = Scope({*facts.writer_names, *facts.events})
    items: list[WriterClass] = []
    for name, workflow in facts.spec.workflows.items():
        scope.use("Workflow", "ClassVar", "str")
        items.append(
            WriterClass(
                kind="workflow",
                name=name,
                class_name=workflow_class(name),
                summary=workflow.description or f"The workflow {name}.",
                events=_events(workflow.events, scope),
            )
        )
    for stream, class_name in facts.writers.items():
        scope.use("StreamWriter", "ClassVar", "str")
        items.append(
            WriterClass(
                kind="writer",
                name=stream,
                class_name=class_name,
                summary=f"The stream {stream}, for commands that write to it.",
                events=_events(facts.events_of_stream[stream], scope),
            )
        )
    return Module.of(scope, items)


def subscriptions_module(facts: Facts) -> Module:
    """Settle `subscriptions.py`: an object for each subscription."""
    subscriptions = map(function_name, facts.spec.subscriptions)
    scope = Scope({*facts.events, *facts.foreign_names, *subscriptions})
    items: list[SubscriptionObject] = []
    for name, subscription in facts.spec.subscriptions.items():
        scope.use("Subscription")
        events = facts.subscribed(subscription, scope)
        items.append(
            SubscriptionObject(
                name=name,
                variable=function_name(name),
                summary=subscription.description or "",
                stream=subscription.stream,
                mode=f"{scope['Mode']}.{subscription.mode.replace('-', '_').upper()}",
                union=union(events, scope),
                events=_tuple(events),
                arguments=tuple(_subscription_arguments(facts, name, subscription, scope)),
            )
        )
    return Module.of(scope, items)


def handlers_module(facts: Facts) -> Module:
    """Settle `handlers.py`: the functions that a team has to write."""
    functions = list(functions_of(facts.spec))
    scope = Scope({"Handlers", *(one.name for one in functions), *facts.class_names})
    scope.use("Protocol")
    return Module.of(scope, [signature(facts, one, scope) for one in functions])


def service_module(facts: Facts) -> ServiceModule:
    """Settle `service.py`: the object that ties all others together."""
    spec = facts.spec
    known = {one.variable for one in facts.remotes.values()}
    scope = Scope({facts.variable, "subscriptions", "Handlers", *known, *facts.class_names})
    scope.use("Service", "Schemas", "Migrations")
    scope.sibling(".handlers", "Handlers")
    if spec.subscriptions:
        scope.sibling(".", "subscriptions")
    if any(len(versions) > 1 for versions in facts.events.values()):
        scope.sibling(".upcasting", "UPCASTING")
    streams = tuple(_streams(facts, scope))
    workflows = tuple(_workflows(facts, scope))
    commands = tuple(_commands(facts, scope))
    contracts = tuple(one.use_contract(scope) for one in facts.remotes.values())
    return ServiceModule(
        imports=scope.imports(),
        names=scope.names(),
        workflows=workflows,
        commands=commands,
        streams=streams,
        contracts=contracts,
        items=tuple(f"subscriptions.{function_name(name)}" for name in spec.subscriptions),
    )


def _streams(facts: Facts, scope: Scope) -> Iterator[StreamObject]:
    for name, stream in facts.spec.streams.items():
        scope.use("Stream")
        is_usual = stream.delivery == "at-least-once"
        yield StreamObject(
            name=name,
            type=f"{scope['StreamType']}.{stream.type.upper()}",
            delivery=None if is_usual else _delivery(stream.delivery, scope),
            replay=stream.replay,
            retention=None if stream.retention is None else _retention(stream.retention, scope),
            publication=None if stream.publish is None else _publication(facts, name, scope),
            remote=None if stream.origin is None else _remote(stream.origin, scope),
        )


def _remote(origin: Origin, scope: Scope) -> str:
    parts = [literal(origin.service), literal(origin.stream)]
    if origin.direct:
        parts.append("direct=True")
    return f"{scope['Remote']}({', '.join(parts)})"


def _publication(facts: Facts, stream: str, scope: Scope) -> str:
    parts = [f"versions={literal(dict(facts.departures[stream]))}"]
    publish = facts.spec.streams[stream].publish
    if publish and publish.unrouted != "hold":
        parts.append(f"unrouted={scope['Unrouted']}.{publish.unrouted.upper()}")
    return f"{scope['Publication']}({', '.join(parts)})"


def _retention(retention: Retention, scope: Scope) -> str:
    parts = _limits(retention)
    if retention.lagging != "hold":
        parts.append(f"lagging={scope['Lagging']}.{retention.lagging.upper()}")
    if retention.ceiling is not None:
        inner = ", ".join(_limits(retention.ceiling))
        parts.append(f"ceiling={scope['Ceiling']}({inner})")
    return f"{scope['Retention']}({', '.join(parts)})"


def _limits(limits: Retention | Ceiling) -> list[str]:
    values = {
        "age": None if limits.age is None else float(limits.age),
        "events": limits.events,
        "size": limits.size,
    }
    return [f"{name}={literal(value)}" for name, value in values.items() if value is not None]


def _workflows(facts: Facts, scope: Scope) -> Iterator[WorkflowObject]:
    for name, workflow in facts.spec.workflows.items():
        scope.use("WorkflowDefinition")
        classes = [one.class_name for event in workflow.events for one in facts.events[event]]
        yield WorkflowObject(
            class_name=scope.sibling(".workflows", workflow_class(name)),
            stream=workflow.stream,
            events=_tuple(scope.sibling(".events", one) for one in classes),
        )


def _commands(facts: Facts, scope: Scope) -> Iterator[CommandObject]:
    for name, command in facts.spec.commands.items():
        scope.use("CommandDefinition")
        yield CommandObject(
            class_name=scope.sibling(".commands", name),
            kind=f"{scope['CommandKind']}.{command.kind.upper()}",
            arguments=tuple(_command_arguments(facts, name, command, scope)),
        )


def _command_arguments(
    facts: Facts, name: str, command: Command, scope: Scope
) -> Iterator[tuple[str, str]]:
    yield "handler", literal(function_name(name))
    if command.kind == "stream":
        yield "writer", scope.sibling(".workflows", facts.writers[command.target])
    else:
        yield "workflow", scope.sibling(".workflows", workflow_class(command.target))
    if id_field := id_field_of(command):
        yield "id_field", literal(python_name(id_field))
    if command.emits is not None:
        heads = [facts.head(event).class_name for event in command.emits]
        yield "emits", _tuple(scope.sibling(".events", one) for one in heads)
    if command.validate:
        yield "validator", literal(validator_name(name))


def _subscription_arguments(
    facts: Facts, name: str, subscription: Subscription, scope: Scope
) -> Iterator[tuple[str, str]]:
    if subscription.events is None:
        yield "whole_stream", "True"
    if subscription.on_unknown not in {None, "dead-letter"}:
        yield "on_unknown", f"{scope['OnUnknown']}.{subscription.on_unknown.upper()}"
    if subscription.delivery is not None:
        yield "delivery", _delivery(subscription.delivery, scope)
    is_log = facts.spec.streams[subscription.stream].type == "persistent"
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
    if subscription.after_dead_letter not in {None, "wait"}:
        policy = subscription.after_dead_letter.upper()
        yield "after_dead_letter", f"{scope['AfterDeadLetter']}.{policy}"
    if subscription.ack_timeout is not None:
        yield "ack_timeout", literal(float(subscription.ack_timeout))
    if subscription.timeout is not None:
        yield "timeout", literal(float(subscription.timeout))
    if unread := subscription.unread:
        then = f"{scope['UnreadThen']}.{unread.then.replace('-', '_').upper()}"
        yield "unread", f"{scope['Unread']}({literal(float(unread.timeout))}, {then})"
    if subscription.max_consumers is not None:
        yield "max_consumers", literal(subscription.max_consumers)
    if breaker := subscription.breaker:
        policy = f"failures={literal(breaker.failures)}, pause={literal(float(breaker.pause))}"
        yield "breaker", f"{scope['Breaker']}({policy})"
    if subscription.batch is not None:
        yield "batch", literal(subscription.batch)
    if subscription.concurrency is not None and subscription.concurrency != 1:
        yield "concurrency", literal(subscription.concurrency)
    if subscription.expire_after is not None:
        yield "expire_after", literal(float(subscription.expire_after))
    if subscription.handler:
        yield "handler", literal(function_name(name))
    if subscription.metadata:
        yield "metadata", literal(dict(subscription.metadata))


def _events(names: Iterable[str], scope: Scope) -> str:
    return union([scope.sibling(".events", name) for name in names], scope)


def _delivery(delivery: str, scope: Scope) -> str:
    return f"{scope['DeliverySemantics']}.{delivery.replace('-', '_').upper()}"


def _tuple(names: Iterable[str]) -> str:
    listed = list(names)
    return f"({listed[0]},)" if len(listed) == 1 else f"({', '.join(listed)})"
