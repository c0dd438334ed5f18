"""Starting and stopping an app."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from headwater import (
    App,
    CommandContext,
    CommandDefinition,
    CommandKind,
    ConfigurationError,
    EventContext,
    FromBeginning,
    Mode,
    NotRunningError,
    Retry,
    Service,
    Stream,
    StreamType,
    Subscription,
)

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    Handlers,
    ImportOrders,
    OrderPlaced,
    OrderWorkflow,
    PlaceOrder,
    QuoteGiven,
    QuoteWorkflow,
    audit,
    order_service,
    packing,
    quote_desk,
)
from tests.support.waiting import until


def test_every_missing_and_misshaped_handler_is_named_at_once() -> None:
    async def packing(event: object) -> None: ...

    def ship_order(command: object, workflow: object, context: object) -> None: ...

    good = OrderHandlers()
    handlers: Any = SimpleNamespace(
        place_order=good.place_order,
        validate_place_order="not a function",
        note_order=good.note_order,
        ship_order=ship_order,
        cancel_order=good.cancel_order,
        quote=good.quote,
        packing=packing,
    )
    with pytest.raises(ConfigurationError) as refused:
        App(order_service, handlers=handlers)

    problems = "\n".join(refused.value.problems)
    assert len(refused.value.problems) == 4
    assert (
        "has no import_orders: write async def import_orders(command, stream, context)" in problems
    )
    assert "validate_place_order is not a function but a str" in problems
    assert "ship_order is not async" in problems
    assert "packing cannot be called as async def packing(event, context)" in problems


def test_without_handlers_all_that_are_needed_are_named() -> None:
    with pytest.raises(ConfigurationError) as refused:
        App(order_service)
    assert len(refused.value.problems) == 8


async def test_a_module_can_be_the_handlers() -> None:
    from tests.support import order_handlers

    with pytest.raises(ConfigurationError, match=r"tests\.support\.order_handlers has no quote"):
        App(order_service, handlers=order_handlers)  # type: ignore[misc]


@pytest.mark.parametrize("database", ["sqlite:///:memory:", "sqlite:///"])
def test_sqlite_in_memory_is_refused(database: str) -> None:
    with pytest.raises(ConfigurationError, match="use memory://"):
        App(order_service, handlers=OrderHandlers(), database=database)


@pytest.mark.parametrize("database", ["sqlite://x.db", "sqlite:///x.db?mode=ro", "memory", "pg://"])
def test_another_database_is_refused_and_the_supported_one_named(database: str) -> None:
    with pytest.raises(ConfigurationError, match=r"memory://|no options"):
        App(order_service, handlers=OrderHandlers(), database=database)


async def test_what_the_lifespan_yields_is_every_handler_s_state() -> None:
    steps: list[str] = []

    class Stateful(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            steps.append(f"command with {context.state}")
            return await super().place_order(command, workflow, context)

        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            steps.append(f"event with {context.state}")

    @asynccontextmanager
    async def lifespan(app: App[Any]) -> AsyncIterator[str]:
        steps.append("open")
        yield "printer"
        steps.append("close")

    async with App(order_service, handlers=Stateful(), lifespan=lifespan) as app:
        await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
        await app.wait_until_idle()
    assert steps == ["open", "command with printer", "event with printer", "close"]


async def test_a_lifespan_that_fails_leaves_nothing_running() -> None:
    @asynccontextmanager
    async def lifespan(app: App[Any]) -> AsyncIterator[None]:
        if app.service.name == "order-service":
            raise OSError("no printer")
        yield

    app = App(order_service, handlers=OrderHandlers(), lifespan=lifespan)
    before = asyncio.all_tasks()
    with pytest.raises(OSError, match="no printer"):
        await app.__aenter__()
    assert not app.is_running
    assert asyncio.all_tasks() == before


async def test_closing_lets_commands_and_handlers_finish_in_that_order() -> None:
    steps: list[str] = []
    begun = asyncio.Event()

    class Slow(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            begun.set()
            await until(lambda: not app.is_running)
            result = await super().place_order(command, workflow, context)
            steps.append("command")
            return result

        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            steps.append("handler")

    @asynccontextmanager
    async def lifespan(app: App[Any]) -> AsyncIterator[None]:
        yield
        steps.append("lifespan")

    app: App[Handlers] = App(order_service, handlers=Slow(), lifespan=lifespan)
    async with app:
        running = asyncio.ensure_future(
            app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
        )
        await begun.wait()
    assert await running == "1"
    assert (steps[0], steps[-1]) == ("command", "lifespan")


async def test_what_does_not_finish_in_time_is_broken_off() -> None:
    begun: set[str] = set()
    broken_off: set[str] = set()

    async def hang(name: str) -> None:
        begun.add(name)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            broken_off.add(name)
            raise

    class Hanging(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            if command.order_id == 2:
                await hang("command")
            return await super().place_order(command, workflow, context)

        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            await hang("handler")

    before = asyncio.all_tasks()
    async with App(order_service, handlers=Hanging(), drain=0.01) as app:
        await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
        running = asyncio.ensure_future(
            app.execute(PlaceOrder(order_id=2, email="ada@example.com"))
        )
        await until(lambda: len(begun) == 2)
    with pytest.raises(NotRunningError):
        await running
    assert broken_off == {"command", "handler"}
    assert asyncio.all_tasks() == before


async def test_an_app_is_opened_once_at_a_time() -> None:
    async with App(order_service, handlers=OrderHandlers()) as app:
        with pytest.raises(ConfigurationError, match="running already"):
            await app.__aenter__()
        assert app.is_running


async def test_idle_right_after_opening_means_that_what_waited_is_handled() -> None:
    begun = asyncio.Event()
    handled: list[int] = []

    class Slow(OrderHandlers):
        async def packing(self, event: OrderPlaced, context: EventContext) -> None:
            if not begun.is_set():
                begun.set()
                await asyncio.Event().wait()
            handled.append(event.order_id)

    app: App[Handlers] = App(order_service, handlers=Slow(), drain=0.0)
    async with app:
        await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))
        await begun.wait()
    async with app:
        await app.wait_until_idle()
        assert handled == [1]


async def test_opened_again_it_goes_on_with_what_it_had() -> None:
    handlers = OrderHandlers()
    app: App[Handlers] = App(order_service, handlers=handlers)
    for order_id in (1, 2):
        async with app:
            await app.execute(PlaceOrder(order_id=order_id, email="ada@example.com"))
            await app.wait_until_idle()
    assert handlers.packed == [1, 2]


def test_a_service_in_another_format_is_refused_and_the_fix_named() -> None:
    with pytest.raises(ConfigurationError, match="headwater generate"):
        Service(format=2, name="order-service")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"streams": ()}, "workflow Order is in no stream"),
        ({"streams": order_service.streams * 2}, "two streams are called orders"),
        ({"workflows": order_service.workflows[:1]}, "command Quote concerns no workflow"),
        ({"subscriptions": (audit, audit)}, "two subscriptions are called audit"),
        ({"subscriptions": (replace(audit, stream="nowhere"),)}, "audit is on no stream"),
        ({"subscriptions": (replace(audit, stream="quotes"),)}, "quotes does not carry"),
        ({"subscriptions": (replace(audit, events=()),)}, "asks for no event"),
        ({"subscriptions": (replace(quote_desk, start=FromBeginning()),)}, "starts in the past"),
        ({"subscriptions": (replace(packing, concurrency=0),)}, "concurrency of 0"),
        ({"subscriptions": (replace(packing, ack_timeout=0.0),)}, "ack_timeout of 0 s"),
        ({"subscriptions": (replace(packing, timeout=0.0),)}, "timeout of 0 s; it must be above"),
        ({"subscriptions": (replace(packing, timeout=5.0),)}, "below its ack_timeout of 5 s"),
        ({"subscriptions": (replace(packing, retry=Retry(attempts=0)),)}, "at least 1 attempt"),
        (
            {"commands": (CommandDefinition(PlaceOrder, CommandKind.STARTS, handler="x"),)},
            "PlaceOrder needs its workflow",
        ),
        (
            {"commands": (CommandDefinition(ImportOrders, CommandKind.STREAM, handler="x"),)},
            "ImportOrders writes to a stream and needs its writer",
        ),
        (
            {"commands": (replace(order_service.commands[0], id_field="nope"),)},
            "has no field 'nope'",
        ),
        (
            {"commands": (replace(order_service.commands[2], id_field=None),)},
            "needs the field that holds the workflow's id",
        ),
        (
            {"commands": (replace(order_service.commands[0], emits=(QuoteGiven,)),)},
            "cannot emit QuoteGiven",
        ),
    ],
)
def test_parts_that_do_not_fit_together_are_named(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        replace(order_service, **changes)
    assert any(problem in one for one in refused.value.problems), refused.value.problems


def test_all_that_does_not_fit_is_named_at_once() -> None:
    subscription: Subscription[QuoteGiven] = Subscription(
        name="x", stream="nowhere", mode=Mode.BROADCAST, events=(QuoteGiven,)
    )
    command = CommandDefinition(
        PlaceOrder, CommandKind.STARTS, workflow=QuoteWorkflow, handler="place_order"
    )
    with pytest.raises(ConfigurationError) as refused:
        Service(
            format=1,
            name="broken",
            streams=(Stream("a", StreamType.PERSISTENT), Stream("a", StreamType.EPHEMERAL)),
            commands=(command,),
            subscriptions=(subscription,),
        )
    assert len(refused.value.problems) == 3


def test_a_command_knows_what_it_returns() -> None:
    assert [command.result_type for command in order_service.commands] == [
        str,
        int,
        None,
        None,
        None,
        str,
    ]
