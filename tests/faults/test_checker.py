"""The checker finds nothing in a good history, and each violation where it is planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checker import Found, Promise, Recorded, check, counts
from tests.faults.history import History, Line, read_history

PROMISE = Promise(in_flight=1, faults=1, ack_timeout=10.0)


def line(kind: Any, action: Any, time: float, id: str = "", **rest: Any) -> Line:  # noqa: A002
    return Line(kind=kind, action=action, id=id, actor="one", time=time, **rest)


def delivery(time: float, offset: int, token: int, *, key: str = "a", version: int) -> History:
    """An event taken, its effect, its acknowledgement."""
    about: dict[str, Any] = {
        "ids": (f"e{offset}",),
        "subscription": "posting",
        "key": key,
        "version": version,
        "offset": offset,
        "token": token,
    }
    step = f"{offset}/{token}"
    return [
        line("ok", "claim", time, figures={"since": time - 0.01}, **about),
        line("info", "effect", time + 0.1, **about),
        line("invoke", "settle", time + 0.2, step, note="Acknowledge", **about),
        line("ok", "settle", time + 0.3, step, note="Acknowledge", **about),
        line("ok", "cursor", time + 0.4, subscription="posting", offset=offset),
    ]


def good() -> tuple[History, Found]:
    """Two batches, three events of two workflows, one of them handled again after a kill."""
    history = [
        line("invoke", "append", 1.0, "b1", ids=("e1", "e2"), key="a"),
        line("ok", "append", 1.1, "b1"),
        line("invoke", "append", 1.2, "b2", ids=("e3",), key="b"),
        line("ok", "append", 1.3, "b2"),
        line("invoke", "append", 1.4, "b3", ids=("e4",), key="b"),
        line("fail", "append", 1.5, "b3"),
        *delivery(2.0, 1, 1, version=1),
        line("info", "fault", 3.0, "kill"),
        *delivery(3.0, 2, 2, version=2)[:2],
        *delivery(14.0, 2, 3, version=2),
        *delivery(15.0, 3, 4, key="b", version=1),
        line("info", "resources", 20.0, figures={"tasks before": 1, "tasks": 1}),
    ]
    found = Found(
        log=[Recorded(1, "e1", "a", 1), Recorded(2, "e2", "a", 2), Recorded(3, "e3", "b", 1)],
        position=3,
        logs="killed\n",
        faults={"kill": 1},
        logged=["killed"],
    )
    return history, found


def without(history: History, **fields: Any) -> History:
    return [
        one for one in history if any(getattr(one, name) != is_ for name, is_ in fields.items())
    ]


def moved(history: History, time: float, **fields: Any) -> History:
    """The lines that are like this happen at another time."""
    found = [
        replace(one, time=time) if all(getattr(one, n) == v for n, v in fields.items()) else one
        for one in history
    ]
    assert found != history
    return sorted(found, key=lambda one: one.time)


Plant = Callable[[History, Found], tuple[History, Found]]

E1, E2, E3 = good()[1].log or ()

PLANTED: dict[str, tuple[str, Plant]] = {
    "an acknowledged event is not in the log": (
        "I1",
        lambda history, found: (
            without(history, offset=3),
            replace(found, log=[E1, E2], position=2),
        ),
    ),
    "an event in the log never has its effect": (
        "I1",
        lambda history, found: (without(history, offset=3, action="effect"), found),
    ),
    "an event waits for ever": ("I1", lambda history, found: (history, replace(found, pending=1))),
    "the file is damaged": (
        "I1",
        lambda history, found: (history, replace(found, integrity="row 3 missing from index")),
    ),
    "an event comes out of nowhere": (
        "I2",
        lambda history, found: (without(history, id="b2"), found),
    ),
    "a refused event is in the log": (
        "I2",
        lambda history, found: (
            [
                replace(one, kind="fail") if one.id == "b2" and one.kind == "ok" else one
                for one in history
            ],
            found,
        ),
    ),
    "half of a batch is in the log": (
        "I2",
        lambda history, found: (
            without(without(history, id="b1", kind="ok"), offset=1),
            replace(
                found, log=[replace(E2, offset=1, version=1), replace(E3, offset=2)], position=0
            ),
        ),
    ),
    "an event is in the log twice": (
        "I2",
        lambda history, found: (
            history,
            replace(found, log=[E1, E2, E3, replace(E3, offset=4, version=2)]),
        ),
    ),
    "an event is in another workflow's history": (
        "I2",
        lambda history, found: (history, replace(found, log=[E1, E2, replace(E3, key="c")])),
    ),
    "an effect has no event": (
        "I2",
        lambda history, found: (
            [*history, replace(history[-2], action="effect", ids=("e9",), version=2)],
            found,
        ),
    ),
    "effects come more often than faults explain": (
        "I3",
        lambda history, found: (
            sorted(
                [
                    *history,
                    *delivery(30.0, 3, 5, key="b", version=1)[:2],
                    *delivery(45.0, 3, 6, key="b", version=1)[:2],
                ],
                key=lambda one: one.time,
            ),
            found,
        ),
    ),
    "an offset is left out": (
        "I4",
        lambda history, found: (history, replace(found, log=[E1, E2, replace(E3, offset=4)])),
    ),
    "a version is left out": (
        "I4",
        lambda history, found: (history, replace(found, log=[E1, replace(E2, version=3), E3])),
    ),
    "the handler gets a workflow's events out of order": (
        "I4",
        lambda history, found: (
            moved(moved(history, 16.0, action="effect", offset=1), 16.1, action="settle", offset=1),
            found,
        ),
    ),
    "the cursor passes an event": (
        "I5",
        lambda history, found: (without(history, offset=3, action="effect"), found),
    ),
    "the cursor runs ahead of an effect": (
        "I6",
        lambda history, found: (
            sorted(
                [*history, line("ok", "cursor", 14.5, subscription="posting", offset=3)],
                key=lambda one: one.time,
            ),
            found,
        ),
    ),
    "the cursor goes back": (
        "I6",
        lambda history, found: (
            [
                *history,
                line(
                    "ok", "cursor", 19.0, subscription="posting", offset=1, figures={"since": 18.9}
                ),
            ],
            found,
        ),
    ),
    "the cursor ends further back": (
        "I6",
        lambda history, found: (history, replace(found, position=2)),
    ),
    "an event is acknowledged before its effect": (
        "I6",
        lambda history, found: (moved(history, 15.25, action="effect", offset=3), found),
    ),
    "an old claim settles an event": (
        "I7",
        lambda history, found: (
            [
                replace(one, token=2) if (one.token, one.action) == (3, "settle") else one
                for one in history
            ],
            found,
        ),
    ),
    "two have an event at once": (
        "I7",
        lambda history, found: (moved(history, 4.0, action="claim", token=3), found),
    ),
    "a claim's token comes twice": (
        "I7",
        lambda history, found: (
            [replace(one, token=2) if one.token == 3 else one for one in history],
            found,
        ),
    ),
    "a task is left over": (
        "I10",
        lambda history, found: (
            [*history, line("info", "resources", 21.0, figures={"tasks before": 1, "tasks": 2})],
            found,
        ),
    ),
    **{
        f"{what} are left over": (
            "I10",
            lambda history, found, what=what: (
                [*history, line("info", "resources", 21.0, figures={f"{what} before": 0, what: 1})],
                found,
            ),
        )
        for what in ("threads", "files", "sockets", "sessions", "objects")
    },
    "memory is not given back": (
        "I10",
        lambda history, found: (
            [
                *history,
                line("info", "resources", 21.0, figures={"resident before": 5e7, "resident": 2e8}),
            ],
            found,
        ),
    ),
    "a lock is left over": (
        "I10",
        lambda history, found: (history, replace(found, is_locked=True)),
    ),
    "the logs tell a secret": (
        "I11",
        lambda history, found: (
            history,
            replace(found, logs="killed while Ada waited", secrets=["Ada"]),
        ),
    ),
    "a fault happened less often than it should": (
        "I12",
        lambda history, found: (history, replace(found, faults={"kill": 2})),
    ),
    "an exception is lost": (
        "I11",
        lambda history, found: (
            history,
            replace(found, logs="killed\nTask exception was never retrieved"),
        ),
    ),
    "a fault leaves no word": ("I11", lambda history, found: (history, replace(found, logs=""))),
    "a fault never happened": (
        "I12",
        lambda history, found: (without(history, action="fault"), found),
    ),
}


def test_a_good_history_is_good() -> None:
    history, found = good()

    assert check(history, found, PROMISE) == []


@pytest.mark.parametrize("violation", PLANTED)
def test_a_planted_violation_is_found(violation: str) -> None:
    invariant, plant = PLANTED[violation]
    history, found = plant(*good())

    assert invariant in {one.invariant for one in check(history, found, PROMISE)}


@pytest.mark.parametrize(
    ("delivery_semantics", "invariant", "plant"),
    [
        (
            "at-most-once",
            "I3",
            lambda history: [*history, *delivery(30.0, 3, 5, key="b", version=1)],
        ),
        ("at-most-once", "I3", lambda history: [one for one in history if one.action != "effect"]),
        ("exactly-once", "I3", lambda history: history),
    ],
    ids=["at-most-once, twice", "at-most-once, more lost than was in hand", "exactly-once, twice"],
)
def test_what_may_come_again_depends_on_the_semantics(
    delivery_semantics: str, invariant: str, plant: Callable[[History], History]
) -> None:
    history, found = good()
    promise = replace(PROMISE, delivery=delivery_semantics)

    violations = check(plant(history), found, promise)

    assert invariant in {one.invariant for one in violations}


def test_what_is_lost_or_comes_again_is_counted() -> None:
    history, found = good()
    assert counts(history, found, PROMISE) == {"events": 3, "lost": 0, "phantom": 0, "again": 1}

    gone = replace(found, log=[E1, E2, Recorded(3, "e9", "c", 1)])

    assert counts(history, gone) == {"events": 3, "lost": 1, "phantom": 1, "again": 0}
    without_effect = without(history, offset=3, action="effect")
    assert counts(without_effect, found, PROMISE)["lost"] == 1


def test_each_invariant_is_violated_at_least_once() -> None:
    assert {invariant for invariant, _ in PLANTED.values()} == {
        *(f"I{number}" for number in (1, 2, 3, 4, 5, 6, 7, 10, 11, 12))
    }


def test_effects_in_the_store_are_fenced_by_their_claims() -> None:
    history, found = good()
    found = replace(
        found, own_effects=True, effects=[("e1", "a", 1), ("e2", "a", 3), ("e3", "b", 4)]
    )
    late = replace(found, effects=[("e1", "a", 1), ("e2", "a", 2), ("e3", "b", 4)])
    promise = replace(PROMISE, delivery="exactly-once")

    assert check(history, found, promise) == []
    assert {one.invariant for one in check(history, late, promise)} == {"I7"}


def test_a_line_cut_short_by_a_signal_never_was(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_bytes(
        b'{"kind": "ok", "action": "append", "time": 1.0}\n{"kind": "ok", "act'
    )

    assert [one.action for one in read_history(tmp_path)] == ["append"]
