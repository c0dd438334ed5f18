"""What ops promise of each event, as assertions about one payload.

A payload comes up or goes down if every step takes it and what is made of it is an event of the
version there. What does not is refused; what does not come back as it was is lost. Ops tell both,
so these assertions ask for nothing but that they were told.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from headwater_generator.check import load_specs
from headwater_generator.evolution import ObjectShape, shape_of_fields
from headwater_generator.evolution.chains import hops_of
from headwater_generator.evolution.effects import Hop
from headwater_generator.evolution.steps import Functions, Step, interpret
from headwater_generator.evolution.values import fault

__all__ = [
    "ENVELOPE",
    "OF_NEWER",
    "OF_OLDER",
    "REFUSED",
    "Envelope",
    "Fields",
    "Property",
    "Versions",
    "comes_back_down",
    "comes_back_up",
    "comes_up",
    "down",
    "goes_down",
    "read",
    "up",
]

Fields: TypeAlias = dict[str, Any]
REFUSED = (ValueError, TypeError, ArithmeticError, LookupError)


@dataclass(frozen=True)
class Envelope:
    id: str = "0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10"
    time: str = "2024-05-01T12:00:00Z"
    workflow_id: str = "7"


ENVELOPE = Envelope()


@dataclass(frozen=True)
class Versions:
    """Both versions of the event `Changed`, and what leads from one to the other."""

    older: ObjectShape
    newer: ObjectShape
    hop: Hop
    functions: Functions


def read(spec: str, functions: str = "") -> Versions:
    """The versions of `Changed` in a spec; `functions` is the file of those that it calls."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(spec, encoding="utf-8")
        called: dict[str, Any] = {}
        if functions:
            (Path(folder) / "upcasts").mkdir()
            (Path(folder) / "upcasts" / "user_service.py").write_text(functions, encoding="utf-8")
            exec(functions, called)  # noqa: S102 - the test's own
        [found] = load_specs([path], Path(folder))
    event = found.workflows["User"].events["Changed"]
    older, newer = (shape_of_fields(one.fields, found.types) for one in event.versions.values())
    told: list[Any] = []
    hops = hops_of(event, found.types, lambda *problem: told.append(problem))
    assert not told
    return Versions(older, newer, hops[0], called)


def up(versions: Versions, fields: Mapping[str, Any]) -> Fields | None:
    """What an older event comes up as; None if it is refused."""
    return _go(versions.hop.up, fields, versions.newer, versions.functions)


def down(versions: Versions, fields: Mapping[str, Any]) -> Fields | None:
    """What a newer event goes down as; None if it is refused, or if there is no way."""
    steps = versions.hop.down
    if steps is None:
        return None
    return _go(steps, fields, versions.older, versions.functions)


def _go(
    steps: Sequence[Step], fields: Mapping[str, Any], shape: ObjectShape, functions: Functions
) -> Fields | None:
    try:
        made = interpret(steps, fields, ENVELOPE, functions)
    except REFUSED:
        return None
    return made if fault(made, shape) is None else None


def comes_up(versions: Versions, older: Fields) -> None:
    """An older event comes up, or it was told that some do not."""
    if up(versions, older) is None:
        assert any(one.up_refusals for one in versions.hop.effects)


def goes_down(versions: Versions, newer: Fields) -> None:
    """Where there is a way, a newer event goes down, or it was told that some do not."""
    if versions.hop.down is not None and down(versions, newer) is None:
        assert versions.hop.refusals or any(one.down_refusals for one in versions.hop.effects)


def comes_back_down(versions: Versions, older: Fields) -> None:
    """Where there is a way, what came up goes down as it was, or a loss was told."""
    if versions.hop.down is None or (there := up(versions, older)) is None:
        return
    if not _is_same(down(versions, there), older):
        assert not versions.hop.is_up_safe
        assert any(one.up_losses for one in versions.hop.effects)


def comes_back_up(versions: Versions, newer: Fields) -> None:
    """Where there is a way, what went down comes up as it was, or a loss was told."""
    if versions.hop.down is None or (there := down(versions, newer)) is None:
        return
    if not _is_same(up(versions, there), newer):
        assert not versions.hop.is_down_safe
        assert any(one.down_losses for one in versions.hop.effects)


def _is_same(one: Fields | None, other: Fields) -> bool:
    """As it is written: 1 and 1.0 and true are three values."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


Property: TypeAlias = Callable[[Versions, Fields], None]
OF_OLDER: tuple[Property, ...] = (comes_up, comes_back_down)
OF_NEWER: tuple[Property, ...] = (goes_down, comes_back_up)
