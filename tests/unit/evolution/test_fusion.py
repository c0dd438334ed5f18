"""Generated upcasts do what the reference interpreter does, for random events and ops."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from headwater import evolution
from headwater.evolution.steps import StepError
from headwater_generator.check import load_specs
from headwater_generator.evolution import shape_of_fields
from headwater_generator.evolution.chains import hops_of, steps_of
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


def generated(*hops: FusedHop, down: bool) -> Callable[..., dict[str, Any]]:
    """The function that `upcasting.py` has for a way over these hops."""
    scope = Scope({"UPCASTING"})
    writer = _Writer("Changed", scope)
    source, target = hops[0].version - 1, hops[-1].version
    if down:
        source, target = target, source
    function = writer.function(source, target, fuse(hops, down=down))
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


def both(text: str, tmp: Any) -> tuple[list[FusedHop], tuple[Hop, ...]]:
    path = tmp / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    [spec] = load_specs([path], tmp)
    event = spec.workflows["User"].events["Changed"]
    versions = list(event.versions.values())
    shapes = [shape_of_fields(one.fields, spec.types) for one in versions]
    fused = [
        FusedHop(number + 1, shapes[number - 1], shapes[number], versions[number].upcast)
        for number in range(1, len(versions))
    ]
    return fused, hops_of(event, spec.types, lambda *_: None)


@SETTINGS
@given(random_events.events(), st.booleans(), st.data())
def test_generated_code_and_interpreter_agree(
    tmp_path_factory: Any, event: Any, down: bool, data: st.DataObject
) -> None:
    [fused], [hop] = both(random_events.spec_of(*event), tmp_path_factory.mktemp("spec"))
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


@SETTINGS
@given(random_events.histories(), st.booleans(), st.data())
def test_in_one_step_it_becomes_the_same_as_hop_by_hop(
    tmp_path_factory: Any, history: Any, down: bool, data: st.DataObject
) -> None:
    fused, hops = both(random_events.spec_of(*history), tmp_path_factory.mktemp("spec"))
    ends = (len(hops) + 1, 1) if down else (1, len(hops) + 1)
    steps = steps_of(hops, *ends)
    assume(steps is not None)
    fields = data.draw(random_events.values(fused[-1].newer if down else fused[0].older))
    before = json.dumps(fields)
    travelled = fields
    try:
        for hop in reversed(fused) if down else fused:
            travelled = generated(hop, down=down)(travelled, ENVELOPE)
    except (*REFUSED, StepError):
        return  # in one step it may pass over a value that is dropped later

    assert generated(*fused, down=down)(fields, ENVELOPE) == travelled
    assert json.dumps(fields) == before
    try:
        assert interpret(steps or (), fields, ENVELOPE) == travelled
    except REFUSED:
        return  # of a value that is dropped in the same hop
