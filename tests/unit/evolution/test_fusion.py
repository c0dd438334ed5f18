"""Generated upcasts do what the reference interpreter does, for random events and ops."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from headwater import evolution
from headwater_generator.check import load_specs
from headwater_generator.evolution import shape_of_fields
from headwater_generator.evolution.chains import hops_of
from headwater_generator.evolution.effects import Hop
from headwater_generator.evolution.fusion import Hop as FusedHop
from headwater_generator.evolution.fusion import fuse
from headwater_generator.evolution.steps import interpret
from headwater_generator.model.scope import Scope
from headwater_generator.model.upcasting import _Writer
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from . import random_events
from .properties import ENVELOPE, REFUSED

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def generated(hop: FusedHop, *, down: bool) -> Callable[..., dict[str, Any]]:
    """The function that `upcasting.py` has for a hop."""
    scope = Scope({"UPCASTING"})
    writer = _Writer("Changed", scope)
    source, target = (2, 1) if down else (1, 2)
    function = writer.function(source, target, fuse([hop], down=down))
    lines = [
        f"{one.name} = {one.kind}({one.version}, {one.op!r}, {', '.join(one.arguments)})"
        for one in writer.steps.values()
    ]
    lines.append("def upcast(data, envelope):")
    lines += [f"    {name} = {text}" for name, text in function.statements]
    lines.append(f"    return {{{', '.join(f'{n!r}: {text}' for n, text in function.fields)}}}")
    namespace: dict[str, Any] = {name: getattr(evolution, name) for name in evolution.__all__}
    exec("\n".join(lines), namespace)  # noqa: S102 - our own output
    made: Callable[..., dict[str, Any]] = namespace["upcast"]
    return made


def both(text: str, tmp: Any) -> tuple[FusedHop, Hop]:
    path = tmp / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    [spec] = load_specs([path], tmp)
    event = spec.workflows["User"].events["Changed"]
    older, newer = (shape_of_fields(one.fields, spec.types) for one in event.versions.values())
    [hop] = hops_of(event, spec.types, lambda *_: None)
    return FusedHop(2, older, newer, event.upcast), hop


@SETTINGS
@given(random_events.events(), st.booleans(), st.data())
def test_generated_code_and_interpreter_agree(
    tmp_path_factory: Any, event: Any, down: bool, data: st.DataObject
) -> None:
    fused, hop = both(random_events.spec_of(*event), tmp_path_factory.mktemp("spec"))
    steps = hop.down if down else hop.up
    assume(steps is not None)
    fields = data.draw(random_events.values(fused.newer if down else fused.older))
    before = json.dumps(fields)
    try:
        wanted = interpret(steps or (), fields, ENVELOPE)
    except REFUSED:
        return  # fused code may pass over a value that is dropped later

    assert generated(fused, down=down)(fields, ENVELOPE) == wanted
    assert json.dumps(fields) == before
