"""What every store promises. Subclass `StoreContract` and give a `store` fixture to join.

The fixture takes its time from the `clock` fixture, and has the streams of `STREAMS`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from headwater.errors import (
    DeliveryLostError,
    EventNotFoundError,
    IdempotencyConflictError,
    SchemaChangedError,
    UnknownSubscriptionError,
    VersionConflictError,
    WorkflowEndedError,
    WorkflowExistsError,
    WorkflowNotFoundError,
)
from headwater.events import Metadata
from headwater.stores.contract import (
    Acknowledge,
    Answer,
    Append,
    Claim,
    Committed,
    Connection,
    Consumer,
    DeadLetter,
    EventCount,
    EventSchema,
    Exactly,
    Expect,
    Expectation,
    FailedCommand,
    Feed,
    FeedKey,
    FeedStatistics,
    IdempotencyKey,
    NewEvent,
    Order,
    PutBack,
    Rejected,
    SentCommand,
    SetAside,
    Settlement,
    Skip,
    Stale,
    Store,
    Taken,
    Unit,
    WorkflowState,
)
from headwater.streams import (
    FromBeginning,
    FromEventId,
    FromLatest,
    FromOffset,
    FromTimestamp,
    Start,
    Stream,
    StreamType,
)
from headwater.testing import VirtualClock

__all__ = ["STREAMS", "StoreContract"]

STREAMS = (Stream("log", StreamType.PERSISTENT), Stream("queue", StreamType.EPHEMERAL))
ME = "me#1"
LIMIT = 100


def schema(name: str = "Added", version: int = 1, digest: str = "a1") -> EventSchema:
    return EventSchema(name, version, digest, f'{{"title":"{name}"}}')


def new_event(
    name: str = "Added", *, text: str = "", terminal: bool = False, version: int = 1
) -> NewEvent:
    return NewEvent(
        id=uuid4(),
        name=name,
        version=version,
        data=f'{{"text":"{text}"}}'.encode(),
        terminal=terminal,
        metadata=Metadata(command="Add", request_id="r-1"),
    )


def unit(
    *events: NewEvent,
    to: str = "cart-1",
    expect: Expectation = Expect.ANY,
    stream: str = "log",
    workflow: str | None = "Cart",
    settling: Sequence[Settlement] = (),
) -> Unit:
    append = Append(
        stream=stream, workflow=workflow, workflow_id=to, expect=expect, events=tuple(events)
    )
    return Unit(appends=(append,) if events else (), settlements=tuple(settling))


def feed(
    subscription: str = "reader",
    *,
    consumer: str | None = None,
    stream: str = "log",
    events: tuple[str, ...] | None = ("Added",),
    start: Start | None = None,
    order: Order = Order.WORKFLOW,
    in_flight: int = LIMIT,
) -> Feed:
    return Feed(
        key=FeedKey(subscription, consumer),
        stream=stream,
        events=None if events is None else frozenset(events),
        start=start or (FromBeginning() if stream == "log" else FromLatest()),
        order=order,
        in_flight=in_flight,
        ack_timeout=30.0,
    )


def unit_with_key(
    key: str,
    *events: NewEvent,
    to: str = "cart-1",
    expect: Expectation = Expect.ANY,
    fingerprint: bytes = b"body",
    content: bytes = b"answer",
) -> Unit:
    idempotency = IdempotencyKey(key, Answer(fingerprint, content))
    return replace(unit(*events, to=to, expect=expect), key=idempotency)


def sent(key: str, attempts: int = 0) -> SentCommand:
    return SentCommand(key=key, name="Buy", body=b"{}", request_id="r-1", attempts=attempts)


def connection(session: str, consumer: str = "ann", key: FeedKey | None = None) -> Connection:
    return Connection(session, key or FeedKey("reader", consumer), consumer)


async def claim(store: Store, key: FeedKey, holder: str = ME, limit: int = LIMIT) -> list[Claim]:
    return list((await store.claim(key, holder, limit)).claims)


def offsets(claims: Sequence[Claim]) -> list[int]:
    return [one.event.offset for one in claims]


class StoreContract:
    """What every store promises."""

    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock()

    # Streams and workflows

    async def test_offsets_are_1_to_n_in_the_order_of_the_commits(self, store: Store) -> None:
        outcomes = await store.commit([unit(new_event(), new_event()), unit(new_event(), to="b")])
        outcomes += await store.commit([unit(new_event())])

        assert outcomes == [Committed((1, 2)), Committed((3,)), Committed((4,))]
        recorded = await store.read("log", 0, LIMIT)
        assert [one.offset for one in recorded] == [1, 2, 3, 4]
        assert [(one.workflow_id, one.workflow_version) for one in recorded] == [
            ("cart-1", 1),
            ("cart-1", 2),
            ("b", 1),
            ("cart-1", 3),
        ]

    async def test_a_rejected_unit_leaves_no_gap_and_no_trace(self, store: Store) -> None:
        """It is left out alone: the units around it are written."""
        first, second, third = await store.commit(
            [
                unit(new_event(text="a")),
                unit(new_event(text="b"), expect=Expect.NEW),
                unit(new_event(text="c")),
            ]
        )

        assert (first, third) == (Committed((1,)), Committed((2,)))
        assert isinstance(second, Rejected)
        assert isinstance(second.error, WorkflowExistsError)
        assert [one.data for one in await store.read("log", 0, LIMIT)] == [
            b'{"text":"a"}',
            b'{"text":"c"}',
        ]

    async def test_what_is_read_is_what_was_written(
        self, store: Store, clock: VirtualClock
    ) -> None:
        event = new_event(text="käse")
        await store.commit([unit(event)])

        [recorded] = await store.read("log", 0, LIMIT)

        assert (recorded.id, recorded.name, recorded.version) == (event.id, "Added", 1)
        assert recorded.data == event.data
        assert recorded.metadata == Metadata(command="Add", request_id="r-1")
        assert (recorded.stream, recorded.workflow, recorded.recorded_at) == (
            "log",
            "Cart",
            clock.now(),
        )

    async def test_reading_keeps_to_both_bounds(self, store: Store) -> None:
        await store.commit([unit(*(new_event() for _ in range(5)))])

        async def read(after: int, limit: int) -> list[int]:
            return [one.offset for one in await store.read("log", after, limit)]

        assert await read(0, 2) == [1, 2]
        assert await read(3, 100) == [4, 5]
        assert await read(5, 100) == []
        assert await read(9, 100) == []

    async def test_of_two_writers_at_one_version_the_second_writes_nothing(
        self, store: Store
    ) -> None:
        """The loser is told the version it missed, and its events are nowhere."""
        await store.commit([unit(new_event(text="A"), expect=Exactly(0))])

        [outcome] = await store.commit([unit(new_event(text="B"), expect=Exactly(0))])

        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, VersionConflictError)
        assert (outcome.error.expected, outcome.error.actual) == (0, 1)
        history = await store.history("log", "Cart", "cart-1", 9)
        assert [one.data for one in history] == [b'{"text":"A"}']

    async def test_of_two_writers_in_one_commit_the_second_writes_nothing(
        self, store: Store
    ) -> None:
        first, second = await store.commit(
            [unit(new_event(), expect=Exactly(0)), unit(new_event(), expect=Exactly(0))]
        )

        assert first == Committed((1,))
        assert isinstance(second, Rejected)

    @pytest.mark.parametrize(
        ("events", "expect", "error"),
        [
            (0, Expect.ANY, None),
            (0, Expect.NEW, None),
            (0, Expect.EXISTS, WorkflowNotFoundError),
            (0, Exactly(0), None),
            (0, Exactly(1), VersionConflictError),
            (2, Expect.ANY, None),
            (2, Expect.NEW, WorkflowExistsError),
            (2, Expect.EXISTS, None),
            (2, Exactly(2), None),
            (2, Exactly(1), VersionConflictError),
        ],
    )
    async def test_an_expectation_holds_or_rejects(
        self, store: Store, events: int, expect: Expectation, error: type[Exception] | None
    ) -> None:
        await store.commit([unit(new_event()) for _ in range(events)])

        [outcome] = await store.commit([unit(new_event(), expect=expect)])

        assert isinstance(outcome, Committed if error is None else Rejected)
        if isinstance(outcome, Rejected):
            assert type(outcome.error) is error
        assert (await store.workflow("Cart", "cart-1")).version == events + (error is None)

    @pytest.mark.parametrize("stream", ["log", "queue"])
    async def test_nothing_follows_a_terminal_event(self, store: Store, stream: str) -> None:
        await store.commit([unit(new_event(), new_event(terminal=True), stream=stream)])

        outcomes = await store.commit(
            [unit(new_event(), stream=stream), unit(new_event(), stream=stream, to="cart-2")]
        )

        assert isinstance(outcomes[0], Rejected)
        assert isinstance(outcomes[0].error, WorkflowEndedError)
        assert isinstance(outcomes[1], Committed)
        assert await store.workflow("Cart", "cart-1") == WorkflowState(2, ended=True)

    async def test_a_workflow_that_never_was_has_version_0(self, store: Store) -> None:
        assert await store.workflow("Cart", "cart-1") == WorkflowState(0, ended=False)
        assert await store.history("log", "Cart", "cart-1", 9) == []

    async def test_the_same_id_in_two_workflows_is_two_workflows(self, store: Store) -> None:
        await store.commit([unit(new_event()), unit(new_event(), workflow="Other")])

        assert (await store.workflow("Cart", "cart-1")).version == 1
        assert len(await store.history("log", "Other", "cart-1", 9)) == 1

    async def test_history_goes_no_further_than_asked(self, store: Store) -> None:
        await store.commit([unit(*(new_event(text=text) for text in "abc"))])

        history = await store.history("log", "Cart", "cart-1", 2)

        assert [one.workflow_version for one in history] == [1, 2]

    async def test_events_without_a_workflow_expect_nothing(self, store: Store) -> None:
        [outcome] = await store.commit(
            [unit(new_event(), new_event(), workflow=None, expect=Exactly(7))]
        )

        assert outcome == Committed((1, 2))
        [first, _] = await store.read("log", 0, LIMIT)
        assert (first.workflow, first.workflow_id, first.workflow_version) == (
            None,
            "cart-1",
            None,
        )

    async def test_recorded_at_never_runs_backwards(
        self, store: Store, clock: VirtualClock
    ) -> None:
        clock.advance(60)
        await store.commit([unit(new_event())])
        clock.advance(-30)
        await store.commit([unit(new_event())])

        first, second = await store.read("log", 0, LIMIT)
        assert second.recorded_at == first.recorded_at

    # Feeds

    async def test_a_feed_hands_out_each_event_until_it_is_acknowledged(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])

        [first] = await claim(store, FeedKey("reader"))
        assert (first.event.offset, first.attempt) == (1, 1)
        assert await claim(store, FeedKey("reader")) == []
        await store.commit([Unit(settlements=(Acknowledge(first),))])

        assert await claim(store, FeedKey("reader")) == []
        assert await store.feed(FeedKey("reader")) == FeedStatistics(1, 0, 0)

    async def test_a_feed_starts_where_it_says(self, store: Store, clock: VirtualClock) -> None:
        await store.commit([unit(new_event(), new_event())])
        clock.advance(60)
        since = clock.now()
        await store.commit([unit(new_event(), to="b")])
        starts: dict[Start, list[int]] = {
            FromBeginning(): [1, 2, 3, 4],
            FromLatest(): [4],
            FromOffset(2): [2, 3, 4],
            FromOffset(4): [4],
            FromOffset(9): [],
            FromTimestamp(since): [3, 4],
            FromTimestamp(since + timedelta(seconds=1)): [4],
        }
        for number, start in enumerate(starts):
            await store.register(feed(f"reader-{number}", start=start))
        await store.commit([unit(new_event(), to="c")])

        for number, expected in enumerate(starts.values()):
            key = FeedKey(f"reader-{number}")
            taken: list[int] = []
            while claims := await claim(store, key):
                taken += offsets(claims)
                await store.commit([Unit(settlements=tuple(map(Acknowledge, claims)))])
            assert sorted(taken) == expected

    async def test_a_feed_that_is_registered_again_keeps_its_cursor(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), new_event())])
        [first] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(Acknowledge(first),))])

        await store.register(feed())

        assert offsets(await claim(store, FeedKey("reader"))) == [2]

    async def test_a_feed_that_was_unregistered_starts_afresh(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))

        await store.unregister(FeedKey("reader"))
        with pytest.raises(UnknownSubscriptionError):
            await store.claim(FeedKey("reader"), ME, 1)
        [outcome] = await store.commit([Unit(settlements=(Acknowledge(first),))])
        assert isinstance(outcome, Rejected)

        await store.register(feed())
        assert offsets(await claim(store, FeedKey("reader"))) == [1]

    async def test_events_that_a_feed_does_not_want_advance_its_cursor(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event("Other"), new_event("Other"))])
        assert (await store.feed(FeedKey("reader"))).position == 2

        await store.commit([unit(new_event(), new_event("Other"), new_event(), to="b")])
        [third] = await claim(store, FeedKey("reader"))
        assert third.event.offset == 3
        await store.commit([Unit(settlements=(Acknowledge(third),))])
        assert offsets(await claim(store, FeedKey("reader"))) == [5]
        assert (await store.feed(FeedKey("reader"))).position == 4

    async def test_the_cursor_passes_unwanted_events_behind_the_last_settled_one(
        self, store: Store
    ) -> None:
        await store.register(feed(stream="queue"))
        await store.commit([unit(new_event(), new_event("Other"), stream="queue")])
        [first] = await claim(store, FeedKey("reader"), limit=1)

        await store.commit([Unit(settlements=(Acknowledge(first),))])

        assert (await store.feed(FeedKey("reader"))).position == 2
        assert (await store.statistics("queue")).length == 0

    @pytest.mark.parametrize("stream", ["log", "queue"])
    async def test_a_feed_of_every_event_passes_none(self, store: Store, stream: str) -> None:
        """Whatever an event is called: nobody has to know it beforehand."""
        await store.register(feed("all", stream=stream, events=None))
        await store.register(feed("some", stream=stream))
        await store.commit([unit(new_event("Unheard-of"), stream=stream)])
        await store.commit([unit(new_event("Added"), stream=stream)])

        assert await store.feed(FeedKey("all")) == FeedStatistics(0, 0, 2)
        [first] = await claim(store, FeedKey("all"))
        assert first.event.name == "Unheard-of"
        await store.commit([Unit(settlements=(Acknowledge(first),))])
        [second] = await claim(store, FeedKey("all"))
        assert second.event.name == "Added"
        await store.commit([Unit(settlements=(Acknowledge(second),))])
        assert await store.feed(FeedKey("all")) == FeedStatistics(2, 0, 0)
        assert await store.feed(FeedKey("some")) == FeedStatistics(1, 0, 1)

    async def test_a_feed_can_come_to_want_every_event(self, store: Store) -> None:
        await store.register(feed())
        await store.register(feed(events=None))
        await store.commit([unit(new_event("Unheard-of")), unit(new_event("Added"))])
        [first] = await claim(store, FeedKey("reader"))

        assert first.event.name == "Unheard-of"

    async def test_every_event_wakes_a_feed_that_wants_them_all(self, store: Store) -> None:
        await store.register(feed(events=None))
        changes = store.changes(FeedKey("reader"))
        seen = changes.generation

        await store.commit([unit(new_event("Unheard-of"))])

        assert changes.generation > seen

    async def test_a_held_event_waits_in_its_lane_and_is_counted(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """It is no failure: it comes again as the same attempt, however often it is put back."""
        await store.register(feed())
        await store.commit([unit(new_event(), new_event()), unit(new_event(), to="cart-2")])
        first, other = await claim(store, FeedKey("reader"))
        hold = PutBack(first, failed=False, delay=5.0, held=True)
        await store.commit([Unit(settlements=(hold, Acknowledge(other)))])

        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 0, 2, held=1)
        assert await claim(store, FeedKey("reader")) == []
        clock.advance(5.0)
        [again] = await claim(store, FeedKey("reader"))
        assert (again.event, again.attempt) == (first.event, 1)
        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 1, 2, held=1)
        await store.commit([Unit(settlements=(replace(hold, claim=again),))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 0, 2, held=1)

        clock.advance(5.0)
        [again] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(Acknowledge(again),))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(1, 0, 1)

    async def test_events_are_counted_by_version_within_both_bounds(self, store: Store) -> None:
        """Without a version, 0, they count as version 1."""
        versions = [("Added", 1), ("Added", 2), ("Gone", 1), ("Added", 0), ("Added", 2)]
        events = [new_event(name, version=version) for name, version in versions]
        await store.commit([unit(*events)])

        assert await store.count("log", 0, 10) == [
            EventCount("Added", 1, 2),
            EventCount("Added", 2, 2),
            EventCount("Gone", 1, 1),
        ]
        assert await store.count("log", 1, 2) == [
            EventCount("Added", 2, 1),
            EventCount("Gone", 1, 1),
        ]
        assert await store.count("log", 5, 10) == []
        assert await store.count("queue", 0, 10) == []
        assert await store.streams() == ["log", "queue"]

    async def test_schemas_are_kept_and_replaced_while_there_are_no_events_of_them(
        self, store: Store
    ) -> None:
        assert await store.schemas() == {}
        await store.keep_schemas([schema(), schema(version=2, digest="b1")])
        await store.keep_schemas([schema(), schema(version=2, digest="b2")])

        assert await store.schemas() == {("Added", 1): "a1", ("Added", 2): "b2"}

    @pytest.mark.parametrize("stream", ["log", "queue"])
    @pytest.mark.parametrize("version", [0, 1])
    async def test_a_schema_that_events_are_recorded_under_does_not_change(
        self, store: Store, stream: str, version: int
    ) -> None:
        await store.register(feed("all", stream=stream, events=None))
        await store.keep_schemas([schema(), schema("Gone")])
        await store.commit([unit(new_event(version=version), stream=stream)])

        with pytest.raises(SchemaChangedError) as refused:
            await store.keep_schemas([schema(digest="a2"), schema("Gone", digest="a2")])
        assert refused.value.changed == (("Added", 1),)
        assert await store.schemas() == {("Added", 1): "a1", ("Gone", 1): "a1"}
        await store.keep_schemas([schema(), schema("Gone", digest="a2")])
        assert (await store.schemas())["Gone", 1] == "a2"

    async def test_what_was_held_and_is_put_back_otherwise_is_not_held_any_more(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))
        hold = PutBack(first, failed=False, delay=5.0, held=True)
        await store.commit([Unit(settlements=(hold,))])
        clock.advance(5.0)
        [again] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(PutBack(again, failed=True),))])

        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 0, 1)

    async def test_skipped_events_are_passed_and_counted(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), to="a"), unit(new_event(), to="b")])
        first, second = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(Skip(first),))])

        assert await store.feed(FeedKey("reader")) == FeedStatistics(1, 1, 1, skipped=1)
        await store.commit([Unit(settlements=(Skip(second),))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(2, 0, 0, skipped=2)
        [lost] = await store.commit([Unit(settlements=(Skip(second),))])
        assert isinstance(lost, Rejected)
        assert (await store.feed(FeedKey("reader"))).skipped == 2
        assert await store.dead_letters("reader") == []

    async def test_the_cursor_does_not_pass_an_unsettled_event(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), to=name) for name in "abc"])
        first, second, third = await claim(store, FeedKey("reader"))

        await store.commit([Unit(settlements=(Acknowledge(second), Acknowledge(third)))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 1, 1)

        await store.commit([Unit(settlements=(Acknowledge(first),))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(3, 0, 0)

    async def test_an_event_waits_for_the_one_before_it_in_its_workflow(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), to=name) for name in "aab"])

        first, other = await claim(store, FeedKey("reader"))
        assert offsets([first, other]) == [1, 3]
        await store.commit([Unit(settlements=(Acknowledge(first),))])

        assert offsets(await claim(store, FeedKey("reader"))) == [2]

    async def test_in_stream_order_every_event_waits_for_the_one_before_it(
        self, store: Store
    ) -> None:
        await store.register(feed(order=Order.STREAM))
        await store.commit([unit(new_event(), to=name) for name in "ab"])

        [first] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(PutBack(first, failed=True, delay=1.0),))])
        assert await claim(store, FeedKey("reader")) == []

    async def test_one_holder_has_no_more_in_flight_than_the_feed_allows(
        self, store: Store
    ) -> None:
        await store.register(feed(in_flight=2))
        await store.commit([unit(new_event(), to=name) for name in "abcd"])

        mine = await claim(store, FeedKey("reader"))
        theirs = await claim(store, FeedKey("reader"), holder="other#1")
        assert (offsets(mine), offsets(theirs)) == ([1, 2], [3, 4])

    async def test_a_failed_event_comes_back_after_its_delay_as_the_next_attempt(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))

        await store.commit([Unit(settlements=(PutBack(first, failed=True, delay=4.0),))])
        handed_out = await store.claim(FeedKey("reader"), ME, 1)
        assert (handed_out.claims, handed_out.next_due) == ((), 4.0)
        clock.advance(4.0)

        [second] = await claim(store, FeedKey("reader"))
        assert (second.event, second.attempt) == (first.event, 2)

    async def test_an_event_that_is_given_back_comes_at_once_as_the_same_attempt(
        self, store: Store
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))

        await store.commit([Unit(settlements=(PutBack(first, failed=False),))])

        [second] = await claim(store, FeedKey("reader"), holder="other#1")
        assert second.attempt == 1

    async def test_a_claim_that_is_not_settled_in_time_is_void_and_counts_as_a_failure(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))
        clock.advance(29.9)
        assert await claim(store, FeedKey("reader"), holder="other#1") == []
        clock.advance(0.2)
        [second] = await claim(store, FeedKey("reader"), holder="other#1")
        assert second.attempt == 2

        [late] = await store.commit([unit(new_event(), settling=[Acknowledge(first)])])

        assert isinstance(late, Rejected)
        assert isinstance(late.error, DeliveryLostError)
        assert len(await store.read("log", 0, LIMIT)) == 1, "the unit is left out whole"
        [in_time] = await store.commit([Unit(settlements=(Acknowledge(second),))])
        assert isinstance(in_time, Committed)

    async def test_a_claim_is_settled_once(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))

        twice = Unit(settlements=(Acknowledge(first), Acknowledge(first)))
        once = Unit(settlements=(Acknowledge(first),))
        outcomes = await store.commit([twice, once, once])

        assert [type(one) for one in outcomes] == [Rejected, Committed, Rejected]

    async def test_a_dead_letter_is_kept_and_the_cursor_passes_it(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), new_event())])
        [first] = await claim(store, FeedKey("reader"))

        await store.commit([Unit(settlements=(SetAside(first, "too big"),))])

        [letter] = await store.dead_letters("reader")
        assert (letter.event, letter.error, letter.attempts) == (first.event, "too big", 1)
        assert letter.set_aside_at == clock.now()
        assert offsets(await claim(store, FeedKey("reader"))) == [2]
        assert await store.dead_letters("other") == []

    async def test_events_and_acknowledgements_of_one_unit_are_written_together(
        self, store: Store
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))

        [refused] = await store.commit(
            [unit(new_event(), expect=Expect.NEW, settling=[Acknowledge(first)])]
        )
        assert isinstance(refused, Rejected)
        assert (await store.feed(FeedKey("reader"))).claimed == 1

        await store.commit([unit(new_event(), settling=[Acknowledge(first)])])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(1, 0, 1)

    async def test_a_commit_and_a_settlement_wake_who_waits(self, store: Store) -> None:
        await store.register(feed())
        changes = store.changes(FeedKey("reader"))
        seen = changes.generation
        await store.commit([unit(new_event(), new_event())])
        assert changes.generation != seen

        [first] = await claim(store, FeedKey("reader"))
        seen = changes.generation
        await store.commit([Unit(settlements=(Acknowledge(first),))])
        assert changes.generation != seen

    async def test_an_event_that_nobody_wants_wakes_nobody(self, store: Store) -> None:
        await store.register(feed())
        seen = store.changes(FeedKey("reader")).generation

        await store.commit([unit(new_event("Other"))])

        assert store.changes(FeedKey("reader")).generation == seen

    # Ephemeral streams

    async def test_a_consumed_event_is_gone_once_every_feed_has_settled_it(
        self, store: Store
    ) -> None:
        keys = [FeedKey("all", "ann"), FeedKey("all", "bob")]
        for key in keys:
            await store.register(feed("all", consumer=key.consumer, stream="queue"))
        await store.commit([unit(new_event(), stream="queue")])
        [ann], [bob] = [await claim(store, key) for key in keys]

        await store.commit([Unit(settlements=(Acknowledge(ann),))])
        assert (await store.statistics("queue")).length == 1
        await store.commit([Unit(settlements=(Acknowledge(bob),))])
        statistics = await store.statistics("queue")
        assert (statistics.length, statistics.head, statistics.dropped) == (0, 1, 0)
        assert await store.read("queue", 0, LIMIT) == []

    async def test_what_was_consumed_cannot_be_read_while_the_rest_waits(
        self, store: Store
    ) -> None:
        await store.register(feed(stream="queue"))
        await store.commit([unit(new_event(), stream="queue", to=name) for name in "abc"])
        [first] = await claim(store, FeedKey("reader"), limit=1)

        await store.commit([Unit(settlements=(Acknowledge(first),))])

        assert [one.offset for one in await store.read("queue", 0, LIMIT)] == [2, 3]

    async def test_without_anybody_registered_events_are_dropped_and_counted(
        self, store: Store
    ) -> None:
        await store.commit([unit(new_event(), new_event(), stream="queue")])
        await store.register(feed(stream="queue"))
        await store.commit([unit(new_event(), stream="queue")])

        statistics = await store.statistics("queue")
        assert (statistics.dropped, statistics.length) == (2, 1)
        assert offsets(await claim(store, FeedKey("reader"))) == [3]

    async def test_what_waits_for_a_consumer_goes_with_it(self, store: Store) -> None:
        await store.register(feed(stream="queue"))
        await store.commit([unit(new_event(), stream="queue")])

        await store.unregister(FeedKey("reader"))

        assert (await store.statistics("queue")).length == 0

    async def test_a_persistent_stream_keeps_what_was_consumed(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        [first] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(Acknowledge(first),))])

        statistics = await store.statistics("log")
        assert (statistics.head, statistics.length, statistics.dropped) == (1, 1, 0)

    # Idempotency keys

    async def test_a_unit_with_a_known_key_is_answered_and_not_written_again(
        self, store: Store
    ) -> None:
        """Its guards are not looked at: the first one made them fail."""
        first = unit_with_key("k-1", new_event(), expect=Expect.NEW, content=b"first")
        again = unit_with_key("k-1", new_event(), expect=Expect.NEW, content=b"second")

        outcomes = await store.commit([first, again])
        outcomes += await store.commit([again])

        answered = Committed((), earlier=Answer(b"body", b"first"))
        assert outcomes == [Committed((1,)), answered, answered]
        assert (await store.statistics("log")).head == 1
        assert await store.answer("k-1") == Answer(b"body", b"first")
        assert await store.answer("k-2") is None

    async def test_a_key_with_another_body_is_refused(self, store: Store) -> None:
        await store.commit([unit_with_key("k-1", new_event())])

        other = unit_with_key("k-1", new_event(), to="b", fingerprint=b"other body")
        [outcome] = await store.commit([other])

        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, IdempotencyConflictError)
        assert (await store.workflow("Cart", "b")).version == 0

    async def test_a_key_is_kept_only_with_a_unit_that_was_written(self, store: Store) -> None:
        await store.commit([unit(new_event())])
        refused = unit_with_key("k-1", new_event(), expect=Expect.NEW)
        assert [type(one) for one in await store.commit([refused])] == [Rejected]
        assert await store.answer("k-1") is None

        without_events = Unit(key=refused.key)
        assert await store.commit([without_events]) == [Committed(())]
        assert await store.answer("k-1") is not None

    # Dead letters

    async def dead_letter(self, store: Store, of: Claim) -> DeadLetter:
        await store.commit([Unit(settlements=(SetAside(of, "no"),))])
        return (await store.dead_letters(of.feed.subscription))[-1]

    @pytest.mark.parametrize("stream", ["log", "queue"])
    async def test_a_requeued_dead_letter_comes_again_as_new(
        self, store: Store, stream: str
    ) -> None:
        await store.register(feed(stream=stream))
        await store.commit([unit(new_event(text="a"), stream=stream)])
        [first] = await claim(store, FeedKey("reader"))
        letter = await self.dead_letter(store, first)
        changes = store.changes(FeedKey("reader"))
        seen = changes.generation

        assert await store.requeue([letter.id]) == 1

        assert changes.generation != seen, "who waits is woken"
        assert await store.dead_letters("reader") == []
        assert await store.feed(FeedKey("reader")) == FeedStatistics(0, 0, 1)
        [again] = await claim(store, FeedKey("reader"))
        assert (again.event, again.attempt) == (first.event, 1)
        await store.commit([Unit(settlements=(Acknowledge(again),))])
        assert await store.feed(FeedKey("reader")) == FeedStatistics(1, 0, 0)
        assert (await store.statistics(stream)).length == (1 if stream == "log" else 0)
        assert await store.requeue([letter.id]) == 0

    async def test_a_requeued_dead_letter_goes_before_the_later_events_of_its_lane(
        self, store: Store
    ) -> None:
        """But not before one that somebody has: of a lane only one is out at a time."""
        await store.register(feed())
        await store.commit([unit(new_event(), new_event(), new_event())])
        [first] = await claim(store, FeedKey("reader"))
        letter = await self.dead_letter(store, first)
        [second] = await claim(store, FeedKey("reader"))

        await store.requeue([letter.id])

        assert await claim(store, FeedKey("reader")) == []
        await store.commit([Unit(settlements=(Acknowledge(second),))])
        assert offsets(await claim(store, FeedKey("reader"))) == [1]

    async def test_a_dead_letter_whose_event_will_come_anyway_does_not_come_twice(
        self, store: Store
    ) -> None:
        await store.register(feed())
        await store.commit([unit(new_event())])
        letter = await self.dead_letter(store, (await claim(store, FeedKey("reader")))[0])
        await store.unregister(FeedKey("reader"))
        with pytest.raises(UnknownSubscriptionError):
            await store.requeue([letter.id])
        await store.register(feed())

        assert await store.requeue([letter.id]) == 1

        [once] = await claim(store, FeedKey("reader"))
        await store.commit([Unit(settlements=(Acknowledge(once),))])
        assert await claim(store, FeedKey("reader")) == []

    async def test_a_dropped_dead_letter_is_gone(self, store: Store) -> None:
        await store.register(feed())
        await store.commit([unit(new_event(), to=name) for name in "ab"])
        letters = [
            await self.dead_letter(store, one) for one in await claim(store, FeedKey("reader"))
        ]
        assert await store.drop([letters[0].id, letters[0].id]) == 1
        assert [one.id for one in await store.dead_letters("reader")] == [letters[1].id]
        assert await store.drop([letters[0].id]) == 0

    # Consumers and sessions

    async def test_a_consumer_stays_when_its_sessions_go(
        self, store: Store, clock: VirtualClock
    ) -> None:
        begun = clock.now()
        await store.connect(connection("s-1"), lifetime=10, expire_after=None)
        await store.connect(connection("s-2"), lifetime=10, expire_after=None)
        await store.connect(connection("s-3", "bob"), lifetime=10, expire_after=None)
        clock.advance(1)
        await store.disconnect("s-1")

        assert await store.consumers("reader") == [
            Consumer("reader", "ann", begun, clock.now(), 1),
            Consumer("reader", "bob", begun, begun, 1),
        ]
        assert await store.consumers("other") == []
        clock.advance(1000)
        await store.remove_stale()
        assert [one.sessions for one in await store.consumers("reader")] == [0, 0]

    async def test_a_session_that_is_heard_of_lives_on(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.connect(connection("s-1"), lifetime=10, expire_after=None)
        await store.connect(connection("s-2", "bob"), lifetime=10, expire_after=None)
        clock.advance(9)
        assert await store.heartbeat(["s-1"], lifetime=10) == frozenset()
        clock.advance(9)

        stale = await store.remove_stale()

        assert [one.session for one in stale.sessions] == ["s-2"]
        assert await store.heartbeat(["s-1", "s-2"], lifetime=10) == {"s-2"}
        assert (await store.remove_stale()) == Stale((), ())

    async def test_the_claims_of_a_stale_session_are_void_and_have_failed(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """Long before they would have timed out; another session has them at once."""
        await store.register(feed())
        await store.commit([unit(new_event(), to=name) for name in "ab"])
        await store.connect(connection("s-1", key=FeedKey("reader")), lifetime=5, expire_after=None)
        [lost] = await claim(store, FeedKey("reader"), holder="s-1", limit=1)
        [kept] = await claim(store, FeedKey("reader"), holder="s-2", limit=1)
        changes = store.changes(FeedKey("reader"))
        seen = changes.generation
        clock.advance(5)

        await store.remove_stale()

        assert changes.generation != seen, "who waits is woken"
        [again] = await claim(store, FeedKey("reader"), holder="s-3")
        assert (again.event.offset, again.attempt) == (1, 2)
        [late, in_time] = await store.commit(
            [Unit(settlements=(Acknowledge(one),)) for one in (lost, kept)]
        )
        assert (type(late), type(in_time)) == (Rejected, Committed)

    async def test_a_consumer_expires_with_its_feed_when_it_has_been_away_for_too_long(
        self, store: Store, clock: VirtualClock
    ) -> None:
        keys = [FeedKey("reader", name) for name in ("ann", "bob", "eve")]
        for number, key in enumerate(keys):
            await store.register(feed(consumer=key.consumer, stream="queue"))
            expire_after = None if key.consumer == "eve" else 60.0
            await store.connect(
                connection(f"s-{number}", str(key.consumer)), lifetime=5, expire_after=expire_after
            )
        await store.commit([unit(new_event(), stream="queue")])
        await store.disconnect("s-0")
        await store.disconnect("s-2")
        clock.advance(59)
        await store.heartbeat(["s-1"], lifetime=5)
        assert (await store.remove_stale()).consumers == ()
        clock.advance(1)

        assert (await store.remove_stale()).consumers == (("reader", "ann"),)

        assert [one.name for one in await store.consumers("reader")] == ["bob", "eve"]
        with pytest.raises(UnknownSubscriptionError):
            await store.feed(keys[0])
        assert (await store.feed(keys[1])).pending == 1

    async def test_a_consumer_that_is_removed_takes_its_feed_and_its_sessions_along(
        self, store: Store
    ) -> None:
        await store.register(feed(consumer="ann", stream="queue"))
        await store.commit([unit(new_event(), stream="queue")])
        await store.connect(connection("s-1"), lifetime=5, expire_after=None)

        await store.remove_consumer("reader", "ann")

        assert await store.consumers("reader") == []
        assert await store.heartbeat(["s-1"], lifetime=5) == {"s-1"}
        assert (await store.statistics("queue")).length == 0
        with pytest.raises(UnknownSubscriptionError):
            await store.claim(FeedKey("reader", "ann"), ME, 1)

    # Pauses

    async def test_a_paused_subscription_hands_out_nothing_and_settles_what_is_out(
        self, store: Store
    ) -> None:
        await store.register(feed())
        await store.register(feed("other"))
        await store.commit([unit(new_event(), to=name) for name in "ab"])
        [first] = await claim(store, FeedKey("reader"), limit=1)

        await store.pause("reader")
        await store.pause("reader")

        assert await store.paused() == {"reader"}
        assert await claim(store, FeedKey("reader")) == []
        assert offsets(await claim(store, FeedKey("other"))) == [1, 2]
        [settled] = await store.commit([Unit(settlements=(Acknowledge(first),))])
        assert isinstance(settled, Committed)

        changes = store.changes(FeedKey("reader"))
        seen = changes.generation
        await store.resume("reader")
        assert changes.generation != seen
        assert await store.paused() == frozenset()
        assert offsets(await claim(store, FeedKey("reader"))) == [2]

    # Positions

    async def test_a_position_is_just_before_the_event_that_is_meant(
        self, store: Store, clock: VirtualClock
    ) -> None:
        events = [new_event() for _ in range(3)]
        for event in events:
            await store.commit([unit(event)])
            clock.advance(60)
        begun = clock.now() - timedelta(seconds=180)
        starts: dict[Start, int] = {
            FromBeginning(): 0,
            FromLatest(): 3,
            FromOffset(2): 1,
            FromOffset(-5): 0,
            FromTimestamp(begun): 0,
            FromTimestamp(begun + timedelta(seconds=60)): 1,
            FromTimestamp(begun + timedelta(seconds=61)): 2,
            FromTimestamp(clock.now()): 3,
            FromEventId(events[2].id): 2,
        }
        for start, position in starts.items():
            assert await store.position("log", start) == position, start
        with pytest.raises(EventNotFoundError):
            await store.position("log", FromEventId(uuid4()))

    async def test_new_events_wake_who_waits_for_their_stream(self, store: Store) -> None:
        log, queue = store.appended("log"), store.appended("queue")
        seen = log.generation, queue.generation
        await store.commit([unit(new_event())])
        assert (log.generation != seen[0], queue.generation) == (True, seen[1])

    # Stored commands

    async def test_a_command_that_was_sent_is_taken_until_a_unit_carries_it_out(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """Its key is its idempotency key: known, it is not stored again."""
        changes = store.sent()
        seen = changes.generation
        await store.commit([Unit(sends=(sent("k-1"), sent("k-2")))])
        await store.commit([Unit(sends=(sent("k-1"),))])
        assert changes.generation != seen, "who waits is woken"

        taken = await store.take_commands(10, lease=60)
        assert list(taken.commands) == [sent("k-1", attempts=1), sent("k-2", attempts=1)]
        assert (await store.take_commands(10, lease=60)) == Taken((), 60.0)

        key = IdempotencyKey("k-1", Answer(b"f", b"a"))
        [done] = await store.commit([Unit(key=key, carries_out="k-1")])
        assert done == Committed(())
        await store.commit([Unit(sends=(sent("k-1"),))])
        clock.advance(60)
        again = await store.take_commands(10, lease=60)
        assert list(again.commands) == [sent("k-2", attempts=2)]

    async def test_a_unit_that_is_refused_sends_nothing(self, store: Store) -> None:
        await store.commit([unit(new_event())])
        refused = replace(unit(new_event(), expect=Expect.NEW), sends=(sent("k-1"),))
        assert [type(one) for one in await store.commit([refused])] == [Rejected]
        assert await store.take_commands(10, lease=60) == Taken((), None)

    async def test_a_command_is_postponed_or_given_up_and_retried(
        self, store: Store, clock: VirtualClock
    ) -> None:
        await store.commit([Unit(sends=(sent("k-1"), sent("k-2")))])
        await store.take_commands(10, lease=60)

        await store.postpone_command("k-1", "busy", 5.0)
        await store.postpone_command("k-2", "never", None)

        assert await store.take_commands(10, lease=60) == Taken((), 5.0)
        assert await store.failed_commands() == [FailedCommand(sent("k-2", attempts=1), "never")]
        clock.advance(5)
        assert [one.key for one in (await store.take_commands(1, lease=60)).commands] == ["k-1"]
        assert await store.retry_commands(["k-1", "k-2", "k-3"]) == 1
        taken = await store.take_commands(10, lease=60)
        assert list(taken.commands) == [sent("k-2", attempts=1)]
        assert await store.failed_commands() == []
