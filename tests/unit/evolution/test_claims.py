"""Each op does what it claims, and nobody could claim more for it without being caught.

The properties are those that random events are held against. Mutants claim one notch more, all
that there are: where an op claims less than everything and no mutant says what would be wrong with
that, a test fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from headwater_generator.evolution.shapes import ObjectShape
from headwater_generator.grammar.ops import OPS
from hypothesis import HealthCheck, Phase, given, settings

from . import random_events
from .claims import (
    CASES,
    WIDENING,
    Case,
    Notch,
    claiming_more,
    notches,
    payloads,
    widening,
)
from .properties import OF_NEWER, OF_OLDER, Property, Versions, down, read, up

SETTINGS = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)
PATIENCE = 200
"""Payloads that a mutant may pass before it has to be caught."""
WHOLE = {"rename", "nest", "hoist"}
"""Ops that do everything, always: there is no more to claim."""
MUTANTS = [(case, notch) for case in CASES for notch in Notch if notch in case.less]


def hold(versions: Versions, count: int = SETTINGS.max_examples) -> None:
    """Hold an event against all that ops promise; fails if one promise is broken."""
    assert _goes(OF_OLDER, versions, versions.older, up, count)
    went = _goes(OF_NEWER, versions, versions.newer, down, count)
    assert went or versions.hop.down is None, "nothing goes down this way"


def _goes(
    properties: Sequence[Property], versions: Versions, shape: ObjectShape, travel: Any, count: int
) -> bool:
    """Try payloads; returns whether any went."""
    went = False

    @settings(SETTINGS, max_examples=count)
    @given(payloads(shape))
    def holds(fields: Any) -> None:
        nonlocal went
        for one in properties:
            one(versions, fields)
        went = went or travel(versions, fields) is not None

    holds()
    return went


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_op_keeps_what_it_claims(case: Case) -> None:
    hold(case.versions())


@pytest.mark.parametrize(("case", "notch"), MUTANTS, ids=lambda one: getattr(one, "name", str(one)))
def test_one_notch_more_than_an_op_claims_is_caught(case: Case, notch: Notch) -> None:
    with claiming_more(case.op, notch):
        versions = case.versions()
        with pytest.raises(AssertionError):
            hold(versions, PATIENCE)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_of_what_an_op_claims_less_nothing_is_left_out(case: Case) -> None:
    """A notch that an op has and its case does not would have no mutant."""
    hop = case.versions().hop
    told = (
        widening(hop) if case.op == WIDENING else (n for one in hop.effects for n in notches(one))
    )

    assert set(told) == case.less


def test_every_op_has_mutants_or_claims_everything() -> None:
    have = {case.op for case, _ in MUTANTS}

    assert have == {*OPS, WIDENING} - WHOLE
    assert {case.op for case in CASES} == {*OPS, WIDENING}


def test_what_ops_claim_less_of_random_events_has_a_mutant() -> None:
    known = {(case.op, notch) for case, notch in MUTANTS}
    seen: set[tuple[str, Notch]] = set()

    @settings(SETTINGS, max_examples=300)
    @given(random_events.events())
    def look(event: Any) -> None:
        hop = read(random_events.spec_of(*event)).hop
        for one in hop.effects:
            seen.update((one.op.split()[0], notch) for notch in notches(one))
        seen.update((WIDENING, notch) for notch in widening(hop))

    look()

    assert seen
    assert seen - known == set()
