"""Executing commands: one unit of work each, with one of three outcomes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from headwater import (
    CommandContext,
    CommandRejectedError,
    DeadlineExceededError,
    EventNotAllowedError,
    HandlerFailedError,
    HistoryUnavailableError,
    NotRunningError,
    OutcomeUnknownError,
    UnknownCommandError,
    VersionConflictError,
    WorkflowEndedError,
    WorkflowExistsError,
    WorkflowNotFoundError,
)
from headwater.stores.contract import Outcome, Unit
from headwater.testing import MemoryApp

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    CancelOrder,
    Handlers,
    ImportOrders,
    NoteOrder,
    OrderNoted,
    OrderPlaced,
    OrderShipped,
    OrdersWriter,
    OrderWorkflow,
    PlaceOrder,
    Quote,
    QuoteWorkflow,
    ShipOrder,
    order_service,
)
from tests.support.waiting import until


def app_with(handlers: Handlers | None = None) -> MemoryApp[Handlers]:
    return MemoryApp(order_service, handlers=handlers or OrderHandlers())


def place(order_id: int = 1) -> PlaceOrder:
    return PlaceOrder(order_id=order_id, email="ada@example.com")


async def names(app: MemoryApp[Handlers]) -> list[str]:
    return [event.event_name for event in await app.events("orders")]


async def test_a_starting_command_records_its_events_and_returns_the_handler_s_result() -> None:
    async with app_with() as app:
        assert await app.execute(place(7), request_id="r-1") == "7"

        [recorded] = await app._store.read("orders", 0, 10)
        assert (recorded.workflow, recorded.workflow_id, recorded.workflow_version) == (
            "Order",
            "7",
            1,
        )
        assert (recorded.metadata.command, recorded.metadata.request_id) == ("PlaceOrder", "r-1")


async def test_without_an_id_field_a_workflow_starts_under_a_new_uuid() -> None:
    async with app_with() as app:
        first = await app.execute(Quote(price=1))
        second = await app.execute(Quote(price=2))
        assert UUID(first).version == UUID(second).version == 4
        assert first != second


async def test_starting_what_exists_is_refused() -> None:
    async with app_with() as app:
        await app.execute(place())
        with pytest.raises(WorkflowExistsError):
            await app.execute(place())
        assert await names(app) == ["OrderPlaced"]


async def test_of_two_that_start_the_same_at_once_one_is_refused_and_not_run() -> None:
    runs = 0

    class Slow(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            nonlocal runs
            runs += 1
            await asyncio.sleep(0)
            return await super().place_order(command, workflow, context)

    async with app_with(Slow()) as app:
        outcomes = await asyncio.gather(
            app.execute(place()), app.execute(place()), return_exceptions=True
        )
        assert [type(one) for one in outcomes] == [str, WorkflowExistsError]
        assert runs == 1


async def test_continuing_what_was_never_started_is_refused() -> None:
    async with app_with() as app:
        with pytest.raises(WorkflowNotFoundError):
            await app.execute(ShipOrder(order_id=1, carrier="post"))


@pytest.mark.parametrize("command", [CancelOrder(order_id=1), NoteOrder(order_id=1, text="late")])
async def test_nothing_continues_an_ended_workflow(command: Any) -> None:
    async with app_with() as app:
        await app.execute(place())
        await app.execute(ShipOrder(order_id=1, carrier="post"))
        with pytest.raises(WorkflowEndedError):
            await app.execute(command)
        assert await names(app) == ["OrderPlaced", "OrderShipped"]


async def test_a_command_may_start_or_continue_and_sees_the_history() -> None:
    async with app_with() as app:
        assert await app.execute(NoteOrder(order_id=1, text="a")) == 1
        assert await app.execute(NoteOrder(order_id=1, text="b")) == 2
        assert await app.events("orders") == [OrderNoted(text="a"), OrderNoted(text="b")]


async def test_a_workflow_knows_its_version_and_whether_it_is_new() -> None:
    seen: list[tuple[str, int, bool]] = []

    class Curious(OrderHandlers):
        async def note_order(
            self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> int:
            seen.append((workflow.id, workflow.version, workflow.is_new))
            return await super().note_order(command, workflow, context)

    async with app_with(Curious()) as app:
        await app.execute(NoteOrder(order_id=1, text="a"))
        await app.execute(NoteOrder(order_id=1, text="b"))
    assert seen == [("1", 0, True), ("1", 1, False)]


async def test_a_command_without_workflow_writes_to_the_stream() -> None:
    async with app_with() as app:
        await app.execute(ImportOrders(order_ids=[1, 2]))

        first, second = await app._store.read("orders", 0, 10)
        assert (first.workflow, first.workflow_version) == (None, None)
        assert first.workflow_id == second.workflow_id, "one correlation id for one command"


async def test_a_validator_refuses_before_the_handler_runs() -> None:
    async with app_with() as app:
        with pytest.raises(CommandRejectedError) as refused:
            await app.execute(place(13))
        assert (refused.value.field, refused.value.reason) == (
            "order_id",
            "nobody wants this number",
        )
        assert await names(app) == []


async def test_a_handler_that_raises_has_written_nothing() -> None:
    class Broken(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            await super().place_order(command, workflow, context)
            raise RuntimeError("after all, no")

    async with app_with(Broken()) as app:
        with pytest.raises(HandlerFailedError, match="place_order raised RuntimeError") as failed:
            await app.execute(place())
        assert isinstance(failed.value.__cause__, RuntimeError)
        assert await names(app) == []


async def test_emitting_what_the_command_does_not_declare_is_refused() -> None:
    class Wrong(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            workflow.emit(OrderShipped(carrier="post"))
            return workflow.id

    async with app_with(Wrong()) as app:
        with pytest.raises(EventNotAllowedError, match="OrderShipped may not be emitted here"):
            await app.execute(place())
        assert await names(app) == []


async def test_emitting_after_a_terminal_event_is_refused_where_it_is_emitted() -> None:
    refused: list[WorkflowEndedError] = []

    class Eager(OrderHandlers):
        async def ship_order(
            self, command: ShipOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> None:
            workflow.emit(OrderShipped(carrier="post"))
            try:
                workflow.emit(OrderNoted(text="one more thing"))
            except WorkflowEndedError as error:
                refused.append(error)

    async with app_with(Eager()) as app:
        await app.execute(place())
        await app.execute(ShipOrder(order_id=1, carrier="post"))
        assert await names(app) == ["OrderPlaced", "OrderShipped"]
    assert [error.workflow_id for error in refused] == ["1"]


async def test_a_command_that_emits_nothing_writes_nothing() -> None:
    class Quiet(OrderHandlers):
        async def cancel_order(
            self, command: CancelOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> None:
            return

    async with app_with(Quiet()) as app:
        await app.execute(place())
        await app.execute(CancelOrder(order_id=1))
        assert await names(app) == ["OrderPlaced"]


async def test_an_ephemeral_stream_has_no_history() -> None:
    class Nostalgic(OrderHandlers):
        async def quote(
            self, command: Quote, workflow: QuoteWorkflow, context: CommandContext
        ) -> str:
            await workflow.history()
            return workflow.id

    async with app_with(Nostalgic()) as app:
        with pytest.raises(HandlerFailedError) as failed:
            await app.execute(Quote(price=1))
        assert isinstance(failed.value.__cause__, HistoryUnavailableError)


class Overtaken(OrderHandlers):
    """Another command gets in between, as often as a test says."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.runs = 0
        self.app: MemoryApp[Handlers] | None = None

    async def note_order(
        self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> int:
        if command.text == "mine":
            self.runs += 1
            if self.times > 0 and self.app is not None:
                self.times -= 1
                await self.app.execute(NoteOrder(order_id=1, text="theirs"))
        return await super().note_order(command, workflow, context)


async def test_after_a_conflict_the_handler_decides_afresh() -> None:
    """The first conflict is about who starts the workflow, the others about its version."""
    handlers = Overtaken(times=3)
    async with app_with(handlers) as handlers.app:
        assert await handlers.app.execute(NoteOrder(order_id=1, text="mine")) == 4
    assert handlers.runs == 4


async def test_after_three_reruns_a_conflict_is_reported() -> None:
    handlers = Overtaken(times=4)
    async with app_with(handlers) as handlers.app:
        await handlers.app.execute(NoteOrder(order_id=1, text="first"))
        with pytest.raises(VersionConflictError) as lost:
            await handlers.app.execute(NoteOrder(order_id=1, text="mine"))
        assert (lost.value.expected, lost.value.actual) == (4, 5)
        assert OrderNoted(text="mine") not in await handlers.app.events("orders")
    assert handlers.runs == 4


async def test_a_command_that_takes_too_long_is_broken_off_and_writes_nothing() -> None:
    class Slow(OrderHandlers):
        started = asyncio.Event()

        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            await super().place_order(command, workflow, context)
            self.started.set()
            await asyncio.Event().wait()
            return workflow.id

    handlers = Slow()
    async with app_with(handlers) as app:
        running = asyncio.ensure_future(app.execute(place(), deadline=2.0))
        await handlers.started.wait()
        app.clock.advance(2.0)
        with pytest.raises(DeadlineExceededError, match="2 s"):
            await running
        assert await names(app) == []


async def test_a_handler_s_own_timeout_is_its_failure_and_not_the_deadline() -> None:
    class TimesOut(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            raise TimeoutError("elsewhere")

    async with app_with(TimesOut()) as app:
        with pytest.raises(HandlerFailedError):
            await app.execute(place())


async def test_a_command_of_another_service_is_refused() -> None:
    class Foreign(PlaceOrder):
        command_name = "Foreign"

    async with app_with() as app:
        with pytest.raises(UnknownCommandError, match="Foreign"):
            await app.execute(Foreign(order_id=1, email="ada@example.com"))


async def test_before_and_after_the_block_nothing_is_executed() -> None:
    app = app_with()
    with pytest.raises(NotRunningError):
        await app.execute(place())
    async with app:
        await app.execute(place())
    with pytest.raises(NotRunningError):
        await app.execute(place(2))


async def test_when_the_time_is_up_while_committing_the_outcome_is_unknown() -> None:
    async with app_with() as app:
        reached, go_on = hold_commits(app)
        running = asyncio.ensure_future(app.execute(place(), deadline=2.0))
        await reached.wait()
        app.clock.advance(2.0)
        with pytest.raises(OutcomeUnknownError):
            await running
        go_on.set()
        await app._committer.close()
        assert await names(app) == ["OrderPlaced"], "this time it was written"


async def test_when_the_time_is_up_before_the_commit_begins_nothing_is_written() -> None:
    async with app_with() as app:
        reached, go_on = hold_commits(app)
        first = asyncio.ensure_future(app.execute(place(1)))
        await reached.wait()
        second = asyncio.ensure_future(app.execute(place(2), deadline=2.0))
        await until(lambda: app._committer._waiting)
        app.clock.advance(2.0)
        with pytest.raises(DeadlineExceededError):
            await second
        go_on.set()
        await first
        assert await app.events("orders") == [OrderPlaced(order_id=1, email="ada@example.com")]


async def test_when_the_store_fails_while_committing_the_outcome_is_unknown() -> None:
    async with app_with() as app:
        commit = app._store.commit

        async def broken(units: Sequence[Unit]) -> list[Outcome]:
            raise OSError("disk gone")

        app._store.commit = broken  # type: ignore[method-assign]
        with pytest.raises(OutcomeUnknownError, match="disk gone"):
            await app.execute(place())
        app._store.commit = commit  # type: ignore[method-assign]
        assert await app.execute(place()) == "1"


async def test_commands_that_come_together_are_committed_together() -> None:
    async with app_with() as app:
        sizes: list[int] = []
        commit = app._store.commit

        async def counting(units: Sequence[Unit]) -> list[Outcome]:
            sizes.append(len(units))
            return await commit(units)

        app._store.commit = counting  # type: ignore[method-assign]
        await asyncio.gather(*(app.execute(Quote(price=price)) for price in range(10)))
        assert sizes == [10]


def hold_commits(app: MemoryApp[Handlers]) -> tuple[asyncio.Event, asyncio.Event]:
    """Have the store wait in `commit`: the first event tells that it does, the second frees it."""
    reached, go_on = asyncio.Event(), asyncio.Event()
    commit = app._store.commit

    async def held(units: Sequence[Unit]) -> list[Outcome]:
        reached.set()
        await go_on.wait()
        return await commit(units)

    app._store.commit = held  # type: ignore[method-assign]
    return reached, go_on


async def test_a_result_of_another_type_is_refused_before_anything_is_recorded() -> None:
    """Nobody would get an answer for it, and send the command again."""

    class Careless(OrderHandlers):
        async def place_order(self, *arguments: Any) -> str:
            await super().place_order(*arguments)
            result: Any = 3
            return result  # type: ignore[no-any-return]

    async with app_with(Careless()) as app:
        with pytest.raises(HandlerFailedError, match="place_order returned int; str is due"):
            await app.execute(place())
        assert await names(app) == []


async def test_a_workflow_id_that_is_empty_or_too_long_is_refused() -> None:
    """The stream would have a workflow that nobody can name, or that fits into no request."""
    nameless = [
        replace(one, id_field="text") if one.command is NoteOrder else one
        for one in order_service.commands
    ]
    service = replace(order_service, commands=tuple(nameless))
    async with MemoryApp(service, handlers=OrderHandlers()) as app:
        with pytest.raises(CommandRejectedError, match="text: the workflow's id is empty"):
            await app.execute(NoteOrder(order_id=1, text=""))
        with pytest.raises(CommandRejectedError, match=r"text: .* more than 255 characters"):
            await app.execute(NoteOrder(order_id=1, text="x" * 256))
        assert await names(app) == []
        await app.execute(NoteOrder(order_id=1, text="x" * 255))


async def test_a_handler_that_awaits_a_cancelled_task_has_failed() -> None:
    """Its caller was not cancelled, and must not believe that it was."""

    class Awaiting(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            printing = asyncio.ensure_future(asyncio.Event().wait())
            printing.cancel()
            await printing
            return workflow.id

    async with app_with(Awaiting()) as app:
        with pytest.raises(HandlerFailedError, match="raised CancelledError"):
            await app.execute(place())


class Tidying(OrderHandlers):
    """Takes its time to clean up when it is broken off."""

    def __init__(self) -> None:
        super().__init__()
        self.started = asyncio.Event()
        self.tidying = asyncio.Event()
        self.tidy = asyncio.Event()

    async def place_order(
        self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> str:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.tidying.set()
            await self.tidy.wait()
        return workflow.id


async def test_an_app_closes_while_a_command_whose_time_is_up_cleans_up() -> None:
    handlers = Tidying()
    app = MemoryApp(order_service, handlers=handlers)
    app._drain = 0.01
    async with app:
        running = asyncio.ensure_future(app.execute(place(), deadline=2.0))
        await handlers.started.wait()
        app.clock.advance(2.0)
        await handlers.tidying.wait()
        asyncio.get_running_loop().call_later(0.1, handlers.tidy.set)
    with pytest.raises(NotRunningError):
        await running


async def test_the_time_may_be_up_while_a_command_that_was_broken_off_cleans_up() -> None:
    handlers = Tidying()
    async with app_with(handlers) as app:
        running = asyncio.ensure_future(app.execute(place(), deadline=2.0))
        await handlers.started.wait()
        [limit] = app._executor._running.values()
        limit.reschedule(asyncio.get_running_loop().time())
        await handlers.tidying.wait()
        app.clock.advance(2.0)
        handlers.tidy.set()
        with pytest.raises(DeadlineExceededError):
            await running


async def test_emitting_after_the_handler_has_returned_is_refused() -> None:
    """The event would be recorded nowhere."""
    kept: list[Any] = []

    class Keeping(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            kept.append(workflow)
            return await super().place_order(command, workflow, context)

        async def import_orders(
            self, command: ImportOrders, stream: OrdersWriter, context: CommandContext
        ) -> None:
            kept.append(stream)

    async with app_with(Keeping()) as app:
        await app.execute(place())
        await app.execute(ImportOrders(order_ids=[1]))
        for writer in kept:
            with pytest.raises(HandlerFailedError, match="emitted OrderPlaced after"):
                writer.emit(OrderPlaced(order_id=1, email="ada@example.com"))
        assert await names(app) == ["OrderPlaced"]


class Yielding(OrderHandlers):
    """Lets others run before it decides."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.entered: list[str] = []

    async def note_order(
        self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> int:
        self.entered.append(command.text)
        await self.gate.wait()
        return await super().note_order(command, workflow, context)


async def test_commands_on_one_workflow_take_turns_in_the_order_they_came() -> None:
    """None of them is in conflict with another of its process."""
    handlers = Yielding()
    async with app_with(handlers) as app:
        running = [
            asyncio.ensure_future(app.execute(NoteOrder(order_id=1, text=str(number))))
            for number in range(50)
        ]
        elsewhere = asyncio.ensure_future(app.execute(NoteOrder(order_id=2, text="other")))
        await until(lambda: len(handlers.entered) == 2)
        assert handlers.entered == ["0", "other"]
        handlers.gate.set()
        assert await asyncio.gather(*running, elsewhere) == [*range(1, 51), 1]
        assert not app._executor._turns._locks


async def test_a_command_whose_time_is_up_while_it_waits_for_its_turn_lets_others_pass() -> None:
    handlers = Yielding()
    async with app_with(handlers) as app:
        first, late, last = (
            asyncio.ensure_future(app.execute(NoteOrder(order_id=1, text=text), deadline=seconds))
            for text, seconds in (("first", 9.0), ("late", 2.0), ("last", 9.0))
        )
        await until(lambda: handlers.entered)
        app.clock.advance(2.0)
        with pytest.raises(DeadlineExceededError):
            await late
        handlers.gate.set()
        assert [await first, await last] == [1, 2]
    assert handlers.entered == ["first", "last"]


async def test_handlers_that_send_commands_to_each_other_s_workflow_do_not_wait_for_ever() -> None:
    class Crossing(OrderHandlers):
        def __init__(self) -> None:
            super().__init__()
            self.inside = 0

        async def note_order(
            self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> int:
            if command.text == "cross":
                self.inside += 1
                await until(lambda: self.inside >= 2)
                other = NoteOrder(order_id=3 - command.order_id, text="crossed")
                await app.execute(other)
            return await super().note_order(command, workflow, context)

    async with app_with(Crossing()) as app:
        crossing = [app.execute(NoteOrder(order_id=one, text="cross")) for one in (1, 2)]
        outcomes = await asyncio.wait_for(
            asyncio.gather(*crossing, return_exceptions=True), timeout=5
        )
    assert all(isinstance(one, int | VersionConflictError) for one in outcomes)
