"""Mermaid: commands, workflows, streams and subscriptions of services, and how events flow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..grammar import Spec
from ..names import pinned, snake

__all__ = ["diagram"]

_STYLES = (
    "classDef command fill:#e8f0fe,stroke:#3b6fd4,color:#111",
    "classDef workflow fill:#fff4d6,stroke:#b8860b,color:#111",
    "classDef stream fill:#e3f6ec,stroke:#2e8b57,color:#111",
    "classDef subscription fill:#f6e8fb,stroke:#8e44ad,color:#111",
)


def diagram(specs: Sequence[Spec]) -> str:
    """Return a flowchart of the services, from left to right: a box for each service.

    Commands lead to workflows by the way they concern them, workflows to streams by their events,
    streams to subscriptions by what these read. Names are data: none is read as Mermaid.
    """
    lines = ["flowchart LR"]
    for spec in specs:
        lines += [f"  subgraph {_id('service', spec.service, '')}[{_text(spec.service)}]"]
        lines += [f"    {line}" for line in _nodes(spec)]
        lines += ["  end"]
        lines += [f"  {line}" for line in _edges(spec)]
    lines += [f"  {line}" for line in _crossings(specs)]
    lines += [f"  {style}" for style in _STYLES]
    return "\n".join(lines) + "\n"


def _nodes(spec: Spec) -> Iterator[str]:
    for name in spec.commands:
        yield f"{_id('command', spec.service, name)}[/{_text(name)}/]:::command"
    for name, workflow in spec.workflows.items():
        events = [
            _event(event, one.version, one.terminal) for event, one in workflow.events.items()
        ]
        label = _text(name, *events)
        yield f"{_id('workflow', spec.service, name)}([{label}]):::workflow"
    for name, stream in spec.streams.items():
        yield f"{_id('stream', spec.service, name)}[({_text(name, stream.type)})]:::stream"
    for name, subscription in spec.subscriptions.items():
        reader = "handler" if subscription.handler else "iterator"
        label = _text(name, f"{subscription.mode}, {reader}")
        yield f"{_id('subscription', spec.service, name)}[{label}]:::subscription"


def _edges(spec: Spec) -> Iterator[str]:
    for name, command in spec.commands.items():
        kind = "stream" if command.kind == "stream" else "workflow"
        label = "writes to" if kind == "stream" else command.kind.replace("_", " ")
        target = _id(kind, spec.service, command.target)
        yield f"{_id('command', spec.service, name)} -- {_text(label)} --> {target}"
    for name, workflow in spec.workflows.items():
        stream = _id("stream", spec.service, workflow.stream)
        yield f"{_id('workflow', spec.service, name)} --> {stream}"
    for name, subscription in spec.subscriptions.items():
        stream = _id("stream", spec.service, subscription.stream)
        label = ""
        if subscription.events is not None:
            label = f"-- {_text(*map(_wanted, subscription.events))} "
        yield f"{stream} {label}--> {_id('subscription', spec.service, name)}"


def _crossings(specs: Sequence[Spec]) -> Iterator[str]:
    """Yield how streams go from one of the services to another."""
    services = {spec.service for spec in specs}
    for spec in specs:
        for name, stream in spec.streams.items():
            if stream.origin and stream.origin.service in services:
                source = _id("stream", stream.origin.service, stream.origin.stream)
                how = "direct" if stream.origin.direct else "ingest"
                yield f"{source} -. {_text(how)} .-> {_id('stream', spec.service, name)}"


def _event(name: str, version: int, terminal: bool) -> str:
    version_text = f" v{version}" if version > 1 else ""
    return f"{name}{version_text}{', terminal' if terminal else ''}"


def _wanted(event: str) -> str:
    name, version = pinned(event)
    return name if version is None else f"{name} v{version}"


def _id(kind: str, service: str, name: str) -> str:
    """Return an identifier that no other thing has, of characters that Mermaid leaves alone."""
    parts = map(snake, (service, *name.split("/")))
    return "__".join((kind, *parts))


def _text(*lines: str) -> str:
    """Return a label in quotes; what Mermaid or HTML would obey is written as entities."""
    safe = [
        "".join(c if c.isalnum() or c in " -_.,:" else f"#{ord(c)};" for c in line)
        for line in lines
    ]
    return '"' + "<br/>".join(safe) + '"'
