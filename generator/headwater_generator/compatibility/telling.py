"""Verdicts and changes as text for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ..problems import printable
from .changes import changes_of
from .judging import Comparison, wanted
from .verdicts import MODES, EventVerdicts

__all__ = ["as_json", "as_text", "changes_as_json", "changes_as_text"]


def as_text(compared: Sequence[Comparison], *, every: bool = False) -> str:
    """Return what changes for others; of events that did not change, only with `every`."""
    return "".join(f"{line}\n" for one in compared for line in _service(one, every=every))


def _service(compared: Comparison, *, every: bool) -> Iterator[str]:
    yield f"{compared.spec.service} against {printable(compared.baseline.label)}"
    unchanged = 0
    for event in compared.events:
        if event.is_changed or every:
            yield from _event(event, wanted(compared.spec, event.name))
        else:
            unchanged += 1
    for command in compared.commands:
        if command.is_changed or every:
            state = "new" if command.is_new else "breaks" if command.breaks else "holds"
            yield f"  {command.name}: {state}"
            yield from (f"      {why}" for why in command.breaks)
            if not command.is_new:
                yield f"    deploy {command.order}"
        else:
            unchanged += 1
    for one in compared.breaks:
        if one.is_accepted:
            yield f"  accepted: {one.subject}: {one.change}: {printable(one.reason)}"
    yield f"  {unchanged} unchanged"


def _event(event: EventVerdicts, mode: str) -> Iterator[str]:
    match event.before, event.now:
        case None, now:
            yield f"  {event.name}: new, version {now}"
            return
        case before, None:
            yield f"  {event.name}: version {before} to none"
        case before, now:
            yield f"  {event.name}: version {before} to {now}"
    for name in MODES:
        verdict = event.verdicts[name]
        mark = " (wanted)" if name == mode else ""
        yield f"    {name.upper().replace('-', '_')} {'yes' if verdict.holds else 'NO'}{mark}"
        if not name.startswith("full"):
            yield from (f"      {why}" for why in verdict.breaks or verdict.earned)
    if event.readers:
        yield f"    reaches {'; '.join(event.readers)}"
    yield f"    deploy {event.order}"


def as_json(compared: Sequence[Comparison]) -> str:
    """Return all verdicts, whatever changed; `breaks` are those that count, accepted or not."""
    services = [
        {
            "service": one.spec.service,
            "against": one.baseline.label,
            "events": [
                {
                    "event": event.name,
                    "before": event.before,
                    "now": event.now,
                    "changed": event.is_changed,
                    "wanted": wanted(one.spec, event.name),
                    "verdicts": {
                        mode: {
                            "holds": event.verdicts[mode].holds,
                            "breaks": list(event.verdicts[mode].breaks),
                            "earned": list(event.verdicts[mode].earned),
                        }
                        for mode in MODES
                    },
                    "reaches": list(event.readers),
                    "deploy": event.order,
                }
                for event in one.events
            ],
            "commands": [
                {
                    "command": command.name,
                    "new": command.is_new,
                    "changed": command.is_changed,
                    "breaks": list(command.breaks),
                    "deploy": command.order,
                }
                for command in one.commands
            ],
            "breaks": [
                {
                    "subject": each.subject,
                    "version": each.version,
                    "change": each.change,
                    "accepted": each.reason or None,
                    "file": each.problem.file,
                    "line": each.problem.line,
                    "column": each.problem.column,
                }
                for each in one.breaks
            ],
        }
        for one in compared
    ]
    return json.dumps({"services": services}, indent=2) + "\n"


def changes_as_text(compared: Sequence[Comparison]) -> str:
    """Return what has changed, a paragraph a thing."""
    lines: list[str] = []
    for one in compared:
        lines.append(f"{one.spec.service} against {printable(one.baseline.label)}")
        changes = list(changes_of(one.spec, one.baseline))
        for change in changes:
            lines.append(f"  {change.kind} {change.name}: {change.what}")
            lines += [f"    {printable(line)}" for line in change.lines]
        if not changes:
            lines.append("  nothing has changed")
    return "".join(f"{line}\n" for line in lines)


def changes_as_json(compared: Sequence[Comparison]) -> str:
    """Return what has changed as one object."""
    services = [
        {
            "service": one.spec.service,
            "against": one.baseline.label,
            "changes": [
                {
                    "kind": change.kind,
                    "name": change.name,
                    "change": change.what,
                    "lines": list(change.lines),
                }
                for change in changes_of(one.spec, one.baseline)
            ],
        }
        for one in compared
    ]
    return json.dumps({"services": services}, indent=2) + "\n"
