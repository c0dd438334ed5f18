"""The functions that a team writes: which there are, and their signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from ..grammar import Spec
from ..names import function_name, validator_name, workflow_class
from .attributes import result_text
from .facts import Facts
from .parts import Function
from .scope import Scope

__all__ = ["Handler", "functions_of", "signature", "union"]


class Handler(NamedTuple):
    """A function that has to be there."""

    name: str
    task: Literal["validate", "handle", "consume"]
    subject: str
    """The command or subscription that it is for, as the spec calls it."""


def functions_of(spec: Spec) -> Iterator[Handler]:
    """Yield every function of a service, in the order of its stubs."""
    for name, command in spec.commands.items():
        if command.validate:
            yield Handler(validator_name(name), "validate", name)
        yield Handler(function_name(name), "handle", name)
    for name, subscription in spec.subscriptions.items():
        if subscription.handler:
            yield Handler(function_name(name), "consume", name)


def signature(facts: Facts, handler: Handler, scope: Scope, *, package: str = "") -> Function:
    """Return a function's signature. Its types come from `package`, or else from its modules."""

    def use(module: str, name: str) -> str:
        return scope.sibling(package or f".{module}", name)

    match handler.task:
        case "validate":
            return _validator(handler, scope, use)
        case "handle":
            result = result_text(facts, handler.subject, scope, module=package or ".types")
            return _executor(facts, handler, result, scope, use)
        case "consume":
            return _consumer(facts, handler, scope, package)


def union(classes: Sequence[str], scope: Scope) -> str:
    """Return the type of whatever is one of these; of none, `Never`."""
    return " | ".join(classes) if classes else scope["Never"]


_Use = Callable[[str, str], str]
"""Imports a name, given the module that defines it, and returns it."""


def _validator(handler: Handler, scope: Scope, use: _Use) -> Function:
    return Function(
        name=handler.name,
        summary=f"Check {handler.subject} before its handler runs; raise to refuse it.",
        parameters=(
            ("command", use("commands", handler.subject)),
            ("context", scope["CommandContext"]),
        ),
        result="None",
    )


def _executor(facts: Facts, handler: Handler, result: str, scope: Scope, use: _Use) -> Function:
    command = facts.spec.commands[handler.subject]
    if command.kind == "stream":
        writer = ("stream", use("workflows", facts.writers[command.target]))
    else:
        writer = ("workflow", use("workflows", workflow_class(command.target)))
    return Function(
        name=handler.name,
        summary=command.description or f"Execute {handler.subject}.",
        parameters=(
            ("command", use("commands", handler.subject)),
            writer,
            ("context", scope["CommandContext"]),
        ),
        result=result,
    )


def _consumer(facts: Facts, handler: Handler, scope: Scope, package: str) -> Function:
    subscription = facts.spec.subscriptions[handler.subject]
    events = union(facts.subscribed(subscription, scope, package=package), scope)
    summary = f"Handle an event of {handler.subject}."
    parameters = (("event", events), ("context", scope["EventContext"]))
    if subscription.batch is not None:
        summary = f"Handle events of {handler.subject}, all of them or none."
        parameters = (("events", f"list[{events}]"), ("context", scope["BatchContext"]))
    return Function(
        name=handler.name,
        summary=subscription.description or summary,
        parameters=parameters,
        result="None",
    )
