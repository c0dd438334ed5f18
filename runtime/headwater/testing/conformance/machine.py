"""A state machine that compares a store with the plain model of one.

Subclass `StoreAgainstModel`, say how the store is made, and name the subclass's `TestCase` in a
test module.
"""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from headwater.errors import IdempotencyConflictError, UnknownSubscriptionError
from headwater.events import Metadata
from headwater.stores.contract import (
    Acknowledge,
    Answer,
    Append,
    Claim,
    Committed,
    Connection,
    Exactly,
    Expect,
    Expectation,
    Feed,
    FeedKey,
    IdempotencyKey,
    NewEvent,
    Order,
    PutBack,
    Rejected,
    SetAside,
    Settlement,
    Skip,
    Store,
    Unit,
)
from headwater.streams import AfterDeadLetter, FromBeginning, FromLatest
from headwater.testing.clock import VirtualClock
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from .examples import STREAMS
from .model import ACK_TIMEOUT, IN_FLIGHT, RUN, Model, NewUnit, Refused, Session

__all__ = ["StoreAgainstModel"]

LIFETIME = 5.0  # seconds, of a session
EXPECTATIONS = st.one_of(st.sampled_from(Expect), st.builds(Exactly, st.integers(0, 3)))
NAMES = st.sampled_from(["ann", "bob"])
FANS = st.sampled_from(["fan", "fan-queued"])  # subscriptions with a feed for each consumer
WAITING = {"some", "several", "all-queued", "fan"}  # for dead letters of the same workflow
SUBSCRIPTIONS = ("all", "some", "all-queued", "some-queued", "fan", "fan-queued")


class StoreAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = VirtualClock()
        self.store = self.make_store()
        self.run(self.store.open(STREAMS))
        self.model = Model()
        self.ids = iter(range(1, 1_000_000))
        self.claims: list[Claim] = []
        for stream, name, wanted, order in (
            ("log", "all", {"A", "B"}, Order.WORKFLOW),
            ("log", "some", {"A"}, Order.STREAM),
            ("queue", "all-queued", {"A", "B"}, Order.WORKFLOW),
            ("queue", "some-queued", {"B"}, Order.STREAM),
            ("log", "several", {"A", "B"}, Order.WORKFLOW),
            ("queue", "several-queued", {"A", "B"}, Order.WORKFLOW),
        ):
            self._register(FeedKey(name), stream, wanted, order)

    def make_store(self) -> Store:
        """A store, as new."""
        raise NotImplementedError

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def now(self) -> float:
        return self.clock.monotonic()

    def _register(self, key: FeedKey, stream: str, wanted: set[str], order: Order) -> None:
        self.run(self.store.register(_feed(key, stream, wanted, order)))
        self.model.register(
            key, stream, wanted, order, _run(key), waits=key.subscription in WAITING
        )

    @initialize(names=st.lists(st.sampled_from("AB"), max_size=3), limit=st.integers(0, 3))
    def begin_with_claims(self, names: list[str], limit: int) -> None:
        """Otherwise most runs would be over before anything was claimed to be settled."""
        if names:
            self.commit(
                [("log", f"w{n}", Expect.ANY, [name], 1, None) for n, name in enumerate(names, 1)]
            )
        for place in range(limit):
            self.claim(place, "ann", 2)

    @rule()
    def close_and_open(self) -> None:
        self.run(self.store.close())
        self.run(self.store.open(STREAMS))
        for key, feed in self.model.feeds.items():
            self.run(self.store.register(_feed(key, feed.stream, feed.wanted, feed.order)))

    # Commits

    @rule(
        units=st.lists(
            st.tuples(
                st.sampled_from(["log", "queue"]),
                st.sampled_from(["w1", "w2", "w3"]),
                EXPECTATIONS,
                st.lists(st.sampled_from("AB"), min_size=1, max_size=3),
                st.integers(0, 9),
                st.none() | st.tuples(st.sampled_from(["k1", "k2", "k3"]), st.sampled_from("xy")),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def commit(
        self,
        units: list[tuple[str, str, Expectation, list[str], int, tuple[str, str] | None]],
    ) -> None:
        new = [self._new_unit(*unit) for unit in units]
        expected = [self.model.commit(unit) for unit in new]

        outcomes = self.run(self.store.commit([self._unit(unit) for unit in new]))

        for outcome, due in zip(outcomes, expected, strict=True):
            match due:
                case Refused():
                    assert isinstance(outcome, Rejected)
                    is_for_its_key = isinstance(outcome.error, IdempotencyConflictError)
                    assert is_for_its_key == (due is Refused.FOR_ITS_KEY)
                case Answer():
                    assert outcome == Committed((), earlier=due)
                case _:
                    assert outcome == Committed(due)

    def _new_unit(
        self,
        stream: str,
        name: str,
        expect: Expectation,
        names: list[str],
        dice: int,
        key: tuple[str, str] | None,
    ) -> NewUnit:
        unit = NewUnit(stream, f"{stream}-{name}", expect, names, ends=dice == 0)
        if key is not None:
            unit.key = key[0]
            unit.answer = Answer(key[1].encode(), f"answer {next(self.ids)}".encode())
        return unit

    def _unit(self, unit: NewUnit) -> Unit:
        append = Append(
            stream=unit.stream,
            workflow="W",
            workflow_id=unit.workflow,
            expect=unit.expect,
            events=tuple(
                self._event(name, terminal=unit.ends and place == len(unit.names))
                for place, name in enumerate(unit.names, 1)
            ),
        )
        key = IdempotencyKey(unit.key, unit.answer) if unit.key and unit.answer else None
        return Unit(key=key, appends=(append,))

    def _event(self, name: str, *, terminal: bool = False) -> NewEvent:
        return NewEvent(
            id=UUID(int=next(self.ids)),
            name=name,
            version=1,
            data=b"{}",
            terminal=terminal,
            metadata=Metadata(),
        )

    @rule(key=st.sampled_from(["k1", "k2", "k3"]))
    def look_for_an_answer(self, key: str) -> None:
        assert self.run(self.store.answer(key)) == self.model.answers.get(key)

    # Feeds

    @rule(place=st.integers(0, 7), holder=NAMES, limit=st.integers(1, 4))
    def claim(self, place: int, holder: str, limit: int) -> None:
        keys = [*self.model.feeds]
        key = keys[place % len(keys)]

        claims = self.run(self.store.claim(key, holder, limit)).claims

        expected = self.model.claim(key, holder, limit, self.now())
        assert [(one.event.offset, one.attempt) for one in claims] == [
            (item.offset, item.failures + 1) for item in expected
        ]
        for item, claim in zip(expected, claims, strict=True):
            item.token = claim.token
        self.claims += claims
        dead = [item.offset for item in self.model.dead_of(key)]
        for _, offset in self._letters(key):
            if offset in dead:
                dead.remove(offset)
            else:
                self.model.is_set_aside(key, offset)

    @precondition(lambda self: self.claims)
    @rule(
        data=st.data(),
        how=st.sampled_from(["ack", "fail", "release", "dead"]),
        has_effect=st.booleans(),
    )
    def settle(self, data: st.DataObject, how: str, *, has_effect: bool) -> None:
        """An effect in the same unit is written if and only if the claim is still held."""
        self._settle(data, how, has_effect=has_effect)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), how=st.sampled_from(["hold", "skip"]))
    def settle_what_is_unknown(self, data: st.DataObject, how: str) -> None:
        """A rule of its own, so that it is as frequent as what is known."""
        self._settle(data, how, has_effect=False)

    def _settle(self, data: st.DataObject, how: str, *, has_effect: bool) -> None:
        claim = self.claims.pop(data.draw(st.integers(0, len(self.claims) - 1)))
        feed = self.model.feeds.get(claim.feed)
        # A claim that ran out may be settled until somebody looks for events again.
        item = None if feed is None else feed.held(claim.event.offset, claim.token)
        settlements: dict[str, Settlement] = {
            "ack": Acknowledge(claim),
            "fail": PutBack(claim, failed=True, delay=3.0),
            "release": PutBack(claim, failed=False),
            "hold": PutBack(claim, failed=False, delay=3.0, held=True),
            "skip": Skip(claim),
            "dead": SetAside(claim, "no"),
        }
        effect = Append(stream="log", workflow_id="effects", events=(self._event("A"),))

        [outcome] = self.run(
            self.store.commit(
                [
                    Unit(
                        settlements=(settlements[how],),
                        appends=(effect,) if has_effect else (),
                    )
                ]
            )
        )

        assert isinstance(outcome, Committed) == (item is not None)
        if feed is None or item is None:
            return
        if how in {"ack", "skip", "dead"}:
            feed.items.remove(item)
            feed.skipped += how == "skip"
            self.model.dead += [(claim.feed, item)] if how == "dead" else []
        else:
            item.holder = None
            item.failures += how == "fail"
            item.until = self.now() + 3.0 if how in {"fail", "hold"} else 0.0
            item.is_held = how == "hold"
        if has_effect:
            self.model.append("log", "effects", "A")

    @precondition(lambda self: self.model.dead)
    @rule(data=st.data(), how=st.sampled_from(["requeue", "drop"]))
    def end_a_dead_letter(self, data: st.DataObject, how: str) -> None:
        dead = self.model.dead
        key, item = dead[data.draw(st.integers(0, len(dead) - 1))]
        alike = [one for one in self.model.dead_of(key) if one.offset == item.offset]
        place = next(number for number, one in enumerate(alike) if one is item)
        letter, _ = [one for one in self._letters(key) if one[1] == item.offset][place]

        if how == "drop":
            assert self.run(self.store.drop([letter])) == 1
            self.model.forget_dead(item)
            return
        back = self.model.coming_back(key, item)
        if back and key not in self.model.feeds:
            with pytest.raises(UnknownSubscriptionError):
                self.run(self.store.requeue([letter]))
            return
        assert self.run(self.store.requeue([letter])) == len(back)
        if back:
            self.model.requeue(key, back)

    def _letters(self, key: FeedKey) -> list[tuple[int, int]]:
        """Id and offset."""
        return [
            (letter.id, letter.event.offset)
            for letter in self.run(self.store.dead_letters(key.subscription))
            if letter.consumer == key.consumer
        ]

    @rule(subscription=st.sampled_from(SUBSCRIPTIONS), pauses=st.booleans())
    def pause_or_resume(self, subscription: str, *, pauses: bool) -> None:
        if pauses:
            self.run(self.store.pause(subscription))
            self.model.paused.add(subscription)
        else:
            self.run(self.store.resume(subscription))
            self.model.paused.discard(subscription)
        assert self.run(self.store.paused()) == self.model.paused

    # Consumers

    @rule(
        fan=FANS,
        name=NAMES,
        session=st.sampled_from(["ann", "bob"]),
        expire_after=st.sampled_from([None, 4.0]),
    )
    def connect(self, fan: str, name: str, session: str, expire_after: float | None) -> None:
        """A consumer with a feed of its own; its claims are made in the session's name."""
        key = FeedKey(fan, name)
        self._register(key, "log" if fan == "fan" else "queue", {"A", "B"}, Order.STREAM)

        connection = Connection(session, key, name)
        self.run(self.store.connect(connection, lifetime=LIFETIME, expire_after=expire_after))

        self.model.consumers[fan, name] = (self.now(), expire_after)
        self.model.sessions[session] = Session(key, name, self.now() + LIFETIME)

    @rule(sessions=st.sets(st.sampled_from(["ann", "bob", "eve"])))
    def beat(self, sessions: set[str]) -> None:
        lost = self.run(self.store.heartbeat(sorted(sessions), lifetime=LIFETIME))

        assert lost == sessions - self.model.sessions.keys()
        for session in sessions - lost:
            self.model.hear_of(session, LIFETIME, self.now())

    @rule(session=NAMES)
    def disconnect(self, session: str) -> None:
        self.run(self.store.disconnect(session))
        self.model.disconnect(session, self.now())

    @rule()
    def remove_what_is_stale(self) -> None:
        stale = self.run(self.store.remove_stale())

        sessions, consumers = self.model.remove_stale(self.now())
        assert {one.session for one in stale.sessions} == sessions
        assert {*stale.consumers} == consumers

    @rule(fan=FANS, name=NAMES)
    def remove_a_consumer(self, fan: str, name: str) -> None:
        self.run(self.store.remove_consumer(fan, name))
        self.model.remove_consumer(fan, name)

    @rule(seconds=st.sampled_from([1.0, 3.0, 10.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    # What holds after every step

    @invariant()
    def the_log_is_the_model_s(self) -> None:
        recorded = self.run(self.store.read("log", 0, 10_000))
        log = self.model.streams["log"]
        assert [one.offset for one in recorded] == list(range(1, len(log) + 1))
        assert [(one.workflow_id, one.name, one.workflow_version) for one in recorded] == [
            (workflow, name, version if workflow != "effects" else None)
            for workflow, name, version in log
        ]

    @invariant()
    def workflows_are_the_model_s(self) -> None:
        for workflow, (version, ended) in self.model.workflows.items():
            state = self.run(self.store.workflow("W", workflow))
            assert (state.version, state.ended) == (version, ended)

    @invariant()
    def cursors_are_the_model_s(self) -> None:
        for key, feed in self.model.feeds.items():
            statistics = self.run(self.store.feed(key))
            assert statistics.pending == len(feed.items)
            assert statistics.claimed == sum(item.holder is not None for item in feed.items)
            assert statistics.position == feed.position()
            assert statistics.held == sum(item.is_held for item in feed.items)
            assert statistics.skipped == feed.skipped

    @invariant()
    def the_queue_holds_what_somebody_is_owed(self) -> None:
        there = {one.offset for one in self.run(self.store.read("queue", 0, 10_000))}
        owed = {
            item.offset
            for feed in self.model.feeds.values()
            if feed.stream == "queue"
            for item in feed.items
        }
        assert owed - self.model.requeued <= there
        if not owed:
            assert not there

    @invariant()
    def dead_letters_are_the_model_s(self) -> None:
        for key in {*self.model.feeds, *(key for key, _ in self.model.dead)}:
            dead = [item.offset for of, item in self.model.dead if of == key]
            assert sorted(offset for _, offset in self._letters(key)) == sorted(dead)

    @invariant()
    def consumers_are_the_model_s(self) -> None:
        for subscription in ("fan", "fan-queued"):
            found = self.run(self.store.consumers(subscription))
            connected = [
                session.consumer
                for session in self.model.sessions.values()
                if session.feed.subscription == subscription
            ]
            assert [(one.name, one.sessions) for one in found] == [
                (name, connected.count(name))
                for of, name in sorted(self.model.consumers)
                if of == subscription
            ]


def _feed(key: FeedKey, stream: str, wanted: set[str], order: Order) -> Feed:
    return Feed(
        key=key,
        stream=stream,
        events=frozenset(wanted),
        start=FromBeginning() if stream == "log" else FromLatest(),
        order=order,
        in_flight=IN_FLIGHT,
        ack_timeout=ACK_TIMEOUT,
        run=_run(key),
        after_dead_letter=(
            AfterDeadLetter.WAIT if key.subscription in WAITING else AfterDeadLetter.CONTINUE
        ),
    )


def _run(key: FeedKey) -> int:
    return RUN if key.subscription.startswith("several") else 1
