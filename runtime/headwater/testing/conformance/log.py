"""What a store promises of its streams and of the workflows in them."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from headwater.errors import (
    EventNotFoundError,
    SchemaChangedError,
    VersionConflictError,
    WorkflowEndedError,
    WorkflowExistsError,
    WorkflowNotFoundError,
)
from headwater.events import Metadata
from headwater.stores.contract import (
    Committed,
    EventCount,
    Exactly,
    Expect,
    Expectation,
    Rejected,
    Store,
    WorkflowState,
)
from headwater.streams import (
    FromBeginning,
    FromEventId,
    FromLatest,
    FromOffset,
    FromTimestamp,
    Start,
)
from headwater.testing.clock import VirtualClock

from .examples import LIMIT, feed, new_event, schema, unit

__all__ = ["LogCases"]


class LogCases:
    """Order, expectations, reading, positions, and the schemas that events are recorded under."""

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
        before = clock.now() - timedelta(days=400, microseconds=1)
        metadata = Metadata(command="Add", request_id="r-1", occurred_at=before)
        event = replace(new_event(text="käse"), metadata=metadata)
        await store.commit([unit(event)])

        [recorded] = await store.read("log", 0, LIMIT)

        assert (recorded.id, recorded.name, recorded.version) == (event.id, "Added", 1)
        assert recorded.data == event.data
        assert recorded.metadata == metadata
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

    # Schemas

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
