"""The checker of groups finds nothing in a good history, and each violation where it is planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from headwater.stores.groups import partition_of

from tests.faults.checker import Found, Recorded
from tests.faults.group_checker import GroupPromise, check_group
from tests.faults.history import History, Line

PROMISE = GroupPromise(lifetime=5.0)
HERE = partition_of("a")


def line(kind: Any, action: Any, time: float, id: str = "", **rest: Any) -> Line:  # noqa: A002
    figures = {"since": time - 0.01, "partition": HERE} | rest.pop("figures", {})
    return Line(
        kind=kind,
        action=action,
        id=id,
        actor=id[:1],
        time=time,
        subscription="" if action in {"alive", "leave"} else "posting",
        figures=figures,
        **rest,
    )


def effect(time: float, offset: int, epoch: int) -> Line:
    about: dict[str, Any] = {"ids": (f"e{offset}",), "key": "a", "version": offset}
    return line("info", "effect", time, offset=offset, token=epoch, **about)


def look(time: float, position: int) -> Line:
    return line("ok", "cursor", time, note="partitions", figures={str(HERE): position})


def good() -> tuple[History, Found]:
    """One is taken for dead with an event in hand, its heir leaves kindly, a third one goes on."""
    history = [
        line("ok", "alive", 1.0, "s-1"),
        line("ok", "own", 1.1, "s-1", token=1),
        effect(1.2, 1, 1),
        line("ok", "progress", 1.3, "s-1", offset=1, token=1),
        look(1.4, 1),
        effect(1.5, 2, 1),
        line("ok", "alive", 5.0, "t-1"),
        line("ok", "own", 6.1, "t-1", token=2),
        effect(6.2, 2, 2),
        line("fail", "progress", 6.25, "s-1", offset=2, token=1),
        line("ok", "progress", 6.3, "t-1", offset=2, token=2),
        line("invoke", "release", 6.4, "t-1"),
        line("ok", "alive", 6.4, "u-1"),
        line("ok", "own", 6.5, "u-1", token=3),
        effect(6.6, 3, 3),
        line("ok", "progress", 6.7, "u-1", offset=3, token=3, figures={"failures of 3": 1}),
        effect(6.8, 3, 3),
        look(7.0, 3),
    ]
    log = [Recorded(number, f"e{number}", "a", number) for number in (1, 2, 3)]
    return history, Found(log=log)


def in_store() -> tuple[History, Found]:
    """The same, with effects in the store."""
    history, found = good()
    effects = [("e1", "a", 1), ("e2", "a", 2), ("e3", "a", 3)]
    history = [one for one in history if one.action != "effect"]
    return history, replace(found, effects=effects, own_effects=True)


def found_in(
    history: History, found: Found, promise: GroupPromise = PROMISE, **changes: Any
) -> set[str]:
    violations = check_group(history, replace(found, **changes), promise)
    return {one.invariant for one in violations}


def test_nothing_is_found_in_a_good_history() -> None:
    history, found = good()
    assert found_in(history, found, replace(PROMISE, again=1)) == set()
    assert found_in(history, found) == {"I3"}, "what the dead one had in hand came again"
    assert found_in(*in_store()) == set()


def without(history: History, time: float) -> History:
    left = [one for one in history if one.time != time]
    assert len(left) == len(history) - 1
    return left


@pytest.mark.parametrize(
    ("invariant", "plant"),
    [
        ("I1", lambda history: [one for one in history if one.offset != 3]),
        ("I2", lambda history: [*history, replace(effect(8.0, 3, 3), ids=("e9",))]),
        ("I3", lambda history: [*history, effect(8.0, 3, 3)]),
        ("I4", lambda history: [*history, effect(8.0, 2, 3)]),
        ("I4", lambda history: [*without(history, 6.2), effect(9.0, 2, 3)]),
        ("I5", lambda history: [*[one for one in history if one.offset != 2], look(9.0, 2)]),
        ("I6", lambda history: [*history, look(6.55, 3)]),
        ("I6", lambda history: [*history, look(8.0, 2)]),
        ("I7", lambda history: [*history, line("ok", "alive", 4.0, "s-1")]),
        ("I7", lambda history: [one for one in history if one.action != "release"]),
        ("I7", lambda history: [*history, line("ok", "own", 6.15, "v-1", token=2)]),
        ("I7", lambda history: [*history, line("ok", "progress", 7.0, "s-1", offset=3, token=1)]),
    ],
)
def test_what_is_planted_is_found(invariant: str, plant: Callable[[History], History]) -> None:
    history, found = good()
    assert invariant in found_in(plant(history), found, replace(PROMISE, again=1))


@pytest.mark.parametrize(
    ("invariant", "effects"),
    [
        ("I1", [("e1", "a", 1), ("e2", "a", 2)]),
        ("I3", [("e1", "a", 1), ("e2", "a", 1), ("e2", "a", 2), ("e3", "a", 3)]),
        ("I4", [("e2", "a", 1), ("e1", "a", 2), ("e3", "a", 3)]),
        ("I7", [("e1", "a", 1), ("e2", "a", 2), ("e3", "a", 1)]),
    ],
)
def test_what_is_planted_in_the_store_is_found(
    invariant: str, effects: list[tuple[str, str, int]]
) -> None:
    history, found = in_store()
    assert invariant in found_in(history, found, effects=effects)


def test_what_was_set_aside_needs_no_effect() -> None:
    history, found = in_store()
    effects = [("e1", "a", 1), ("e3", "a", 3)]
    assert found_in(history, found, effects=effects, dead={2}) == set()
    assert found_in(history, found, effects=effects) >= {"I1", "I4", "I5"}
    assert found_in(history, found, pending=1) == {"I1"}
