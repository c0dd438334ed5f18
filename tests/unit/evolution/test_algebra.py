"""What ops promise, held against random events and random lists of ops."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater_generator.check import load_specs
from headwater_generator.evolution import ObjectShape, shape_of_fields
from headwater_generator.evolution.chains import hops_of
from headwater_generator.evolution.effects import Hop
from headwater_generator.evolution.steps import Step, interpret
from headwater_generator.evolution.values import fault
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from . import random_events

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
REFUSED = (ValueError, TypeError, ArithmeticError, LookupError)


@dataclass(frozen=True)
class Envelope:
    id: str = "0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10"
    time: str = "2024-05-01T12:00:00Z"
    workflow_id: str = "7"


ENVELOPE = Envelope()


def changed(text: str) -> tuple[ObjectShape, ObjectShape, Hop]:
    """Both versions of the event `Changed`, and what leads from one to the other."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        [spec] = load_specs([path], Path(folder))
    event = spec.workflows["User"].events["Changed"]
    older, newer = (shape_of_fields(one.fields, spec.types) for one in event.versions.values())
    told: list[Any] = []
    [hop] = hops_of(event, spec.types, lambda *problem: told.append(problem))
    assert not told
    return older, newer, hop


def go(steps: Sequence[Step] | None, fields: dict[str, Any]) -> dict[str, Any]:
    assert steps is not None
    return interpret(steps, fields, ENVELOPE)


def refuses_up(hop: Hop) -> bool:
    return any(one.up_refusals for one in hop.effects)


def refuses_down(hop: Hop) -> bool:
    return bool(hop.refusals) or any(one.down_refusals for one in hop.effects)


@SETTINGS
@given(random_events.events(), st.data())
def test_going_up_makes_a_newer_event(event: Any, data: st.DataObject) -> None:
    older, newer, hop = changed(random_events.spec_of(*event))
    fields = data.draw(random_events.values(older))
    try:
        made = go(hop.up, fields)
    except REFUSED:
        assert refuses_up(hop)
        return

    assert fault(made, newer) is None


@SETTINGS
@given(random_events.events(), st.data())
def test_going_down_makes_an_older_event(event: Any, data: st.DataObject) -> None:
    older, newer, hop = changed(random_events.spec_of(*event))
    assume(hop.down is not None)
    fields = data.draw(random_events.values(newer))
    try:
        made = go(hop.down, fields)
    except REFUSED:
        assert refuses_down(hop)
        return

    if not refuses_down(hop):
        assert fault(made, older) is None


@SETTINGS
@given(random_events.events(), st.data())
def test_what_is_up_safe_comes_back_as_it_was(event: Any, data: st.DataObject) -> None:
    older, _, hop = changed(random_events.spec_of(*event))
    assume(hop.is_up_safe)
    fields = data.draw(random_events.values(older))
    try:
        made = go(hop.up, fields)
    except REFUSED:
        assert refuses_up(hop)
        return

    assert go(hop.down, made) == fields


@SETTINGS
@given(random_events.events(), st.data())
def test_what_is_down_safe_comes_back_as_it_was(event: Any, data: st.DataObject) -> None:
    _, newer, hop = changed(random_events.spec_of(*event))
    assume(hop.is_down_safe)
    fields = data.draw(random_events.values(newer))

    assert go(hop.up, go(hop.down, fields)) == fields


def test_values_that_become_one_do_not_come_back_where_nothing_says_which_it_was() -> None:
    _, _, hop = changed(
        """
headwater: 1
service: user-service
types:
  Old: {enum: [user, admin, guest]}
  New: {enum: [member, guest]}
streams: {users: {type: persistent}}
workflows:
  User:
    stream: users
    events:
      Changed:
        fields: {role: New}
        upcast: [map_enum: {field: role, values: {user: member, admin: member}}]
        history: {1: {fields: {role: Old}}}
"""
    )

    assert not hop.is_up_safe
    assert [loss.what for one in hop.effects for loss in one.up_losses] == [
        "user does not come back",
        "admin does not come back",
    ]
