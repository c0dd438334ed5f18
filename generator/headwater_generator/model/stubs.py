"""What a handler's file holds when it is first written: as much as can be derived, or advice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..grammar import UNSET, Command, Field, Nullable
from ..names import python_name
from .commands import returns_id
from .facts import Facts
from .functions import Handler, functions_of, signature
from .parts import Function, Module, Stub
from .scope import Scope

__all__ = ["stubs"]


def stubs(facts: Facts, package: str) -> Iterator[Stub]:
    """Yield a stub for each function; what it needs is imported from `package`."""
    class_names = facts.class_names
    for handler in functions_of(facts.spec):
        scope = Scope({handler.name, "logger", *class_names})
        function = signature(facts, handler, scope, package=package)
        if handler.task == "handle":
            yield _executor(facts, handler, function, scope, package)
            continue
        if handler.task == "consume":
            scope.use("getLogger")
        yield Stub(
            name=handler.name,
            subject=handler.subject,
            function=function,
            body="log" if handler.task == "consume" else "refuse",
            module=Module.of(scope),
        )


def _executor(
    facts: Facts, handler: Handler, function: Function, scope: Scope, package: str
) -> Stub:
    """Return a stub that emits the one event there is to emit, or says what is to be done."""
    command = facts.spec.commands[handler.subject]
    writer = "stream" if command.kind == "stream" else "workflow"
    emits = _emits(facts, command)
    if len(emits) == 1 and command.result is None:
        event = facts.head(emits[0])
        if _derives(event.fields, command.fields):
            scope.sibling(package, event.name)
            return Stub(
                name=handler.name,
                subject=handler.subject,
                function=function,
                body="emit",
                event=event.name,
                arguments=tuple(
                    (python_name(key), f"command.{python_name(key)}")
                    for key in event.fields
                    if key in command.fields
                ),
                writer=writer,
                returns_id=returns_id(command),
                module=Module.of(scope),
            )
    scope.use("NotImplementedError")
    advice = f"emit {_listed(emits)}" if emits else "decide"
    if returns_id(command):
        advice += ", then return workflow.id"
    elif command.result is not None:
        advice += f", then return the {function.result}"
    return Stub(
        name=handler.name,
        subject=handler.subject,
        function=function,
        body="missing",
        writer=writer,
        advice=f"{handler.name}: {advice}",
        module=Module.of(scope),
    )


def _emits(facts: Facts, command: Command) -> Sequence[str]:
    if command.emits is not None:
        return command.emits
    if command.kind == "stream":
        return facts.events_of_stream[command.target]
    return list(facts.spec.workflows[command.target].events)


def _derives(event: Mapping[str, Field], command: Mapping[str, Field]) -> bool:
    """Tell whether the command's fields make the event: by name, by type, and never too loose."""
    for name, wanted in event.items():
        given = command.get(name)
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
