"""A plain model of a store, and a state machine that compares a store with it.

The model is lists, searched from the front each time. Subclass `StoreAgainstModel`, say how the
store is made, and name the subclass's `TestCase` in a test module.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from headwater.events import Metadata
from headwater.stores.contract import (
    Acknowledge,
    Append,
    Claim,
    Committed,
    Exactly,
    Expect,
    Expectation,
    Feed,
    FeedKey,
    NewEvent,
    Order,
    PutBack,
    SetAside,
    Settlement,
    Store,
    Unit,
)
from headwater.streams import FromBeginning, FromLatest
from headwater.testing import VirtualClock
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.contract.store import STREAMS

__all__ = ["StoreAgainstModel"]

ACK_TIMEOUT = 10.0
IN_FLIGHT = 2
EXPECTATIONS = st.one_of(st.sampled_from(Expect), st.builds(Exactly, st.integers(0, 3)))


@dataclass
class Item:
    """An event that a feed still owes somebody."""

    offset: int
    workflow: str
    failures: int = 0
    holder: str | None = None
    until: float = 0.0  # end of the claim, or of the wait for a retry


@dataclass
class ModelFeed:
    stream: str
    wanted: set[str]
    order: Order
    seen: int
    items: list[Item] = field(default_factory=list)

    def claim(self, holder: str, limit: int, now: float) -> list[tuple[int, int]]:
        for item in self.items:
            if item.holder is not None and item.until <= now:
                item.holder, item.until, item.failures = None, 0.0, item.failures + 1
        taken: list[tuple[int, int]] = []
        lanes = {self.lane(item) for item in self.items if item.holder is not None}
        for item in self.items:
            lane = self.lane(item)
            is_first = lane not in lanes
            lanes.add(lane)
            held = sum(one.holder == holder for one in self.items)
            free = item.holder is None and item.until <= now
            if is_first and free and held < IN_FLIGHT and len(taken) < limit:
                item.holder, item.until = holder, now + ACK_TIMEOUT
                taken.append((item.offset, item.failures + 1))
        return taken

    def lane(self, item: Item) -> str:
        return "" if self.order is Order.STREAM else item.workflow

    def position(self) -> int:
        return self.items[0].offset - 1 if self.items else self.seen


class StoreAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = VirtualClock()
        self.store = self.make_store()
        self.run(self.store.open(STREAMS))
        self.ids = iter(range(1, 1_000_000))
        self.streams: dict[str, list[tuple[str, str, int]]] = {"log": [], "queue": []}
        self.workflows: dict[str, tuple[int, bool]] = defaultdict(lambda: (0, False))
        self.feeds: dict[FeedKey, ModelFeed] = {}
        self.claims: list[tuple[Claim, float]] = []
        self.dead: list[tuple[FeedKey, Item]] = []
        self.requeued: set[int] = set()  # of the queue: no longer in it, for the one feed only
        for stream, name, wanted, order in (
            ("log", "all", {"A", "B"}, Order.WORKFLOW),
            ("log", "some", {"A"}, Order.STREAM),
            ("queue", "all-queued", {"A", "B"}, Order.WORKFLOW),
            ("queue", "some-queued", {"B"}, Order.STREAM),
        ):
            self.register(stream, name, wanted, order)

    def make_store(self) -> Store:
        """A store, as new."""
        raise NotImplementedError

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def register(self, stream: str, name: str, wanted: set[str], order: Order) -> None:
        key = FeedKey(name)
        self.run(self.store.register(self.feed_of(stream, name, wanted, order)))
        self.feeds[key] = ModelFeed(stream, wanted, order, 0)

    def feed_of(self, stream: str, name: str, wanted: set[str], order: Order) -> Feed:
        key = FeedKey(name)
        return Feed(
            key=key,
            stream=stream,
            events=frozenset(wanted),
            start=FromBeginning() if stream == "log" else FromLatest(),
            order=order,
            in_flight=IN_FLIGHT,
            ack_timeout=ACK_TIMEOUT,
        )

    @rule()
    def close_and_open(self) -> None:
        self.run(self.store.close())
        self.run(self.store.open(STREAMS))
        for key, feed in self.feeds.items():
            again = self.feed_of(feed.stream, key.subscription, feed.wanted, feed.order)
            self.run(self.store.register(again))

    @rule(
        units=st.lists(
            st.tuples(
                st.sampled_from(["log", "queue"]),
                st.sampled_from(["w1", "w2", "w3"]),
                EXPECTATIONS,
                st.lists(st.sampled_from("AB"), min_size=1, max_size=3),
                st.integers(0, 9),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def commit(self, units: list[tuple[str, str, Expectation, list[str], int]]) -> None:
        made, expected = [], []
        for stream, name, expect, names, dice in units:
            workflow = f"{stream}-{name}"
            made.append(self._unit(stream, workflow, expect, names, ends=dice == 0))
            expected.append(self._model_commit(stream, workflow, expect, names, ends=dice == 0))

        outcomes = self.run(self.store.commit(made))

        assert [isinstance(one, Committed) for one in outcomes] == [
            one is not None for one in expected
        ]
        assert [one.offsets for one in outcomes if isinstance(one, Committed)] == [
            one for one in expected if one is not None
        ]

    def _unit(
        self, stream: str, workflow: str, expect: Expectation, names: list[str], *, ends: bool
    ) -> Unit:
        events = tuple(
            NewEvent(
                id=UUID(int=next(self.ids)),
                name=name,
                version=1,
                data=b"{}",
                terminal=ends and place == len(names),
                metadata=Metadata(),
            )
            for place, name in enumerate(names, 1)
        )
        append = Append(
            stream=stream, workflow="W", workflow_id=workflow, expect=expect, events=events
        )
        return Unit(appends=(append,))

    def _model_commit(
        self, stream: str, workflow: str, expect: Expectation, names: list[str], *, ends: bool
    ) -> tuple[int, ...] | None:
        version, ended = self.workflows[workflow]
        holds = {Expect.ANY: True, Expect.NEW: version == 0, Expect.EXISTS: version > 0}
        if ended or not (
            expect.version == version if isinstance(expect, Exactly) else holds[expect]
        ):
            return None
        offsets = []
        for name in names:
            version += 1
            log = self.streams[stream]
            log.append((workflow, name, version))
            offsets.append(len(log))
            for feed in self.feeds.values():
                if feed.stream == stream:
                    feed.seen = len(log)
                    if name in feed.wanted:
                        feed.items.append(Item(len(log), workflow))
        self.workflows[workflow] = (version, ends)
        return tuple(offsets)

    @rule(place=st.integers(0, 3), holder=st.sampled_from(["ann", "bob"]), limit=st.integers(1, 4))
    def claim(self, place: int, holder: str, limit: int) -> None:
        key = list(self.feeds)[place]

        claims = self.run(self.store.claim(key, holder, limit)).claims

        now = self.clock.monotonic()
        expected = self.feeds[key].claim(holder, limit, now)
        assert [(one.event.offset, one.attempt) for one in claims] == expected
        self.claims += [(one, now + ACK_TIMEOUT) for one in claims]

    @rule(data=st.data(), how=st.sampled_from(["ack", "fail", "release", "dead"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        if not self.claims:
            return
        claim, until = self.claims.pop(data.draw(st.integers(0, len(self.claims) - 1)))
        feed = self.feeds[claim.feed]
        item = next((one for one in feed.items if one.offset == claim.event.offset), None)
        # A claim that ran out may be settled until somebody looks for events again.
        held = (
            item is not None
            and item.holder is not None
            and item.until == until
            and item.failures + 1 == claim.attempt
        )
        settlements: dict[str, Settlement] = {
            "ack": Acknowledge(claim),
            "fail": PutBack(claim, failed=True, delay=3.0),
            "release": PutBack(claim, failed=False),
            "dead": SetAside(claim, "no"),
        }

        [outcome] = self.run(self.store.commit([Unit(settlements=(settlements[how],))]))

        assert isinstance(outcome, Committed) == held
        if item is None or not held:
            return
        if how in {"ack", "dead"}:
            feed.items.remove(item)
            self.dead += [(claim.feed, item)] if how == "dead" else []
        else:
            item.holder = None
            item.failures += how == "fail"
            item.until = self.clock.monotonic() + 3.0 if how == "fail" else 0.0

    @rule(data=st.data(), how=st.sampled_from(["requeue", "drop"]))
    def end_a_dead_letter(self, data: st.DataObject, how: str) -> None:
        if not self.dead:
            return
        key, item = self.dead.pop(data.draw(st.integers(0, len(self.dead) - 1)))
        letters = self.run(self.store.dead_letters(key.subscription))
        [letter] = [one.id for one in letters if one.event.offset == item.offset]

        assert self.run(getattr(self.store, how)([letter])) == 1

        if how == "requeue":
            feed = self.feeds[key]
            feed.items.append(Item(item.offset, item.workflow))
            feed.items.sort(key=lambda one: one.offset)
            if feed.stream == "queue":
                self.requeued.add(item.offset)

    @rule(seconds=st.sampled_from([1.0, 3.0, 10.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def the_log_is_the_model_s(self) -> None:
        recorded = self.run(self.store.read("log", 0, 10_000))
        assert [one.offset for one in recorded] == list(range(1, len(self.streams["log"]) + 1))
        assert [(one.workflow_id, one.name, one.workflow_version) for one in recorded] == (
            self.streams["log"]
        )

    @invariant()
    def workflows_are_the_model_s(self) -> None:
        for workflow, (version, ended) in self.workflows.items():
            state = self.run(self.store.workflow("W", workflow))
            assert (state.version, state.ended) == (version, ended)

    @invariant()
    def cursors_are_the_model_s(self) -> None:
        for key, feed in self.feeds.items():
            statistics = self.run(self.store.feed(key))
            assert statistics.pending == len(feed.items)
            assert statistics.position == feed.position()

    @invariant()
    def the_queue_holds_what_somebody_is_owed(self) -> None:
        there = {one.offset for one in self.run(self.store.read("queue", 0, 10_000))}
        owed = {
            item.offset
            for feed in self.feeds.values()
            if feed.stream == "queue"
            for item in feed.items
        }
        assert owed - self.requeued <= there
        if not owed:
            assert not there

    @invariant()
    def dead_letters_are_the_model_s(self) -> None:
        for key in self.feeds:
            letters = self.run(self.store.dead_letters(key.subscription))
            dead = [item.offset for of, item in self.dead if of == key]
            assert sorted(one.event.offset for one in letters) == sorted(dead)
