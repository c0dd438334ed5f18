"""Given, when, then: what a scenario tells, and how it fails a test that expected otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from headwater import (
    CommandContext,
    CommandRejectedError,
    EventContext,
    HandlerFailedError,
    WorkflowEndedError,
    WorkflowExistsError,
    WorkflowNotFoundError,
)
from headwater.testing import Scenario

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    CancelOrder,
    ImportOrders,
    Line,
    NoteOrder,
    OrderCancelled,
    OrderNoted,
    OrderPlaced,
    OrderShipped,
    OrderWorkflow,
    PlaceOrder,
    Quote,
    QuoteGiven,
    QuoteWorkflow,
    ShipOrder,
    order_service,
)

EMAIL = "ada@example.com"
PLACED = OrderPlaced(order_id=7, email=EMAIL)


class Handlers(OrderHandlers):
    """Handlers whose `packing` can be told what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[Exception] = []
        self.hangs = False
        self.states: list[Any] = []

    async def ship_order(
        self, command: ShipOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> None:
        await super().ship_order(command, workflow, context)
        for number in range(12):
            context.send(NoteOrder(order_id=command.order_id, text=f"note {number}"))

    async def packing(self, event: OrderPlaced, context: EventContext) -> None:
        self.states.append(context.state)
        if self.hangs:
            await asyncio.Event().wait()
        if self.errors:
            raise self.errors.pop(0)
        context.send(NoteOrder(order_id=event.order_id, text="packed"))
        await super().packing(event, context)


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture(params=["memory", "sqlite"])
async def scenario(
    request: pytest.FixtureRequest, handlers: Handlers, tmp_path: Path
) -> AsyncIterator[Scenario]:
    database = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/orders.db"
    async with Scenario(
        order_service, handlers=handlers, state="a state", database=database
    ) as scenario:
        yield scenario


def failure(excinfo: pytest.ExceptionInfo[AssertionError]) -> list[str]:
    return str(excinfo.value).splitlines()


async def test_a_command_tells_what_it_emitted_and_returned(scenario: Scenario) -> None:
    placed = await scenario.when(PlaceOrder(order_id=7, email=EMAIL))

    placed.then_emitted(PLACED).then_returned("7").then_sent()
    assert placed.result == placed.workflow_id == "7"


async def test_given_commands_come_before_and_count_for_nothing_else(scenario: Scenario) -> None:
    assert await scenario.given(PlaceOrder(order_id=7, email=EMAIL)) == "7"
    assert await scenario.given(NoteOrder(order_id=7, text="first")) == 1

    noted = await scenario.when(NoteOrder(order_id=7, text="second"))

    noted.then_emitted(OrderNoted(text="second")).then_returned(2)


async def test_given_events_are_a_workflow_s_history(scenario: Scenario) -> None:
    await scenario.given_events(OrderWorkflow, 7, PLACED, OrderNoted(text="first"))

    noted = await scenario.when(NoteOrder(order_id=7, text="second"))

    noted.then_emitted(OrderNoted(text="second")).then_returned(2)


async def test_what_a_given_command_sent_is_not_told_of_the_next(scenario: Scenario) -> None:
    await scenario.given(PlaceOrder(order_id=7, email=EMAIL))
    await scenario.given(ShipOrder(order_id=7, carrier="gull"))

    (await scenario.when(PlaceOrder(order_id=8, email=EMAIL))).then_sent()


async def test_what_a_command_sends_is_told_in_order_and_not_executed(scenario: Scenario) -> None:
    await scenario.given(PlaceOrder(order_id=7, email=EMAIL))

    shipped = await scenario.when(ShipOrder(order_id=7, carrier="gull"))

    shipped.then_sent(*(NoteOrder(order_id=7, text=f"note {one}") for one in range(12)))
    await scenario.advance(60)
    assert await scenario.events("orders") == [PLACED, OrderShipped(carrier="gull")]


async def test_an_ephemeral_stream_tells_what_was_emitted(scenario: Scenario) -> None:
    await scenario.given(Quote(price=1))

    (await scenario.when(Quote(price=2))).then_emitted(QuoteGiven(price=2))
    assert await scenario.events("quotes") == [QuoteGiven(price=1), QuoteGiven(price=2)]


async def test_a_stream_s_command_tells_what_was_emitted(scenario: Scenario) -> None:
    imported = await scenario.when(ImportOrders(order_ids=[1]))

    imported.then_emitted(OrderPlaced(order_id=1, email="someone@example.com"))


async def test_nothing_is_nothing(scenario: Scenario) -> None:
    nothing = await scenario.when(ImportOrders(order_ids=[]))

    nothing.then_nothing()
    with pytest.raises(AssertionError, match="emitted something else"):
        (await scenario.when(ImportOrders(order_ids=[1]))).then_nothing()


async def test_a_rejection_has_a_class_and_fields(scenario: Scenario) -> None:
    refused = await scenario.when(PlaceOrder(order_id=13, email=EMAIL))

    error = refused.then_rejected(
        CommandRejectedError, reason="nobody wants this number", field="order_id"
    )
    assert error.field == "order_id"  # typed
    assert refused.workflow_id is None


async def test_the_runtime_s_own_rejections_count_too(scenario: Scenario) -> None:
    shipped = await scenario.when(ShipOrder(order_id=1, carrier="gull"))
    shipped.then_rejected(WorkflowNotFoundError, workflow="Order", workflow_id="1")

    await scenario.given_events(OrderWorkflow, 7, PLACED)
    again = await scenario.when(PlaceOrder(order_id=7, email=EMAIL))
    again.then_rejected(WorkflowExistsError, workflow_id="7")

    await scenario.given_events(OrderWorkflow, 7, OrderShipped(carrier="gull"))
    late = await scenario.when(CancelOrder(order_id=7))
    late.then_rejected(WorkflowEndedError)


async def test_a_handler_s_own_error_can_be_asked_for() -> None:
    class Broken(Handlers):
        async def ship_order(
            self, command: ShipOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> None:
            raise KeyError("carrier")

    async with Scenario(order_service, handlers=Broken()) as one:
        await one.given_events(OrderWorkflow, 7, PLACED)
        shipped = await one.when(ShipOrder(order_id=7, carrier="gull"))
        shipped.then_rejected(KeyError, args=("carrier",))
        shipped.then_rejected(HandlerFailedError, handler="ship_order")


async def test_a_difference_is_told_field_by_field(scenario: Scenario) -> None:
    lines = [Line(sku="A1", quantity=2), Line(sku="B2", quantity=1)]
    placed = await scenario.when(PlaceOrder(order_id=7, email=EMAIL, lines=lines))

    with pytest.raises(AssertionError) as caught:
        placed.then_emitted(
            OrderPlaced(order_id=8, email="eve@example.com", lines=[Line(sku="A1", quantity=3)]),
            OrderNoted(text="more"),
        )
    assert failure(caught) == [
        "PlaceOrder emitted something else",
        "  1. OrderPlaced (version 1)",
        "       order_id: expected 8, got 7",
        "       email: expected 'eve@example.com', got 'ada@example.com'",
        "       lines[0].quantity: expected 3, got 2",
        "       lines[1]: expected nothing, got Line(sku='B2', quantity=1)",
        "  2. expected OrderNotedV1(text='more'), got nothing",
    ]


async def test_another_result_is_told(scenario: Scenario) -> None:
    noted = await scenario.when(NoteOrder(order_id=7, text="first"))

    with pytest.raises(AssertionError) as caught:
        noted.then_returned(2)
    assert failure(caught) == ["NoteOrder returned something else", "  expected 2, got 1"]


async def test_other_commands_sent_are_told(scenario: Scenario) -> None:
    await scenario.given_events(OrderWorkflow, 7, PLACED)
    shipped = await scenario.when(ShipOrder(order_id=7, carrier="gull"))

    with pytest.raises(AssertionError) as caught:
        shipped.then_sent(*(NoteOrder(order_id=7, text=f"note {one}") for one in range(11)))
    assert failure(caught) == [
        "ShipOrder sent something else",
        "  12. expected nothing, got NoteOrder(order_id=7, text='note 11')",
    ]


async def test_a_rejection_where_events_were_expected_is_the_failure(scenario: Scenario) -> None:
    refused = await scenario.when(PlaceOrder(order_id=13, email=EMAIL))

    with pytest.raises(AssertionError, match="PlaceOrder was refused: CommandRejectedError: order"):
        refused.then_emitted(PLACED)
    with pytest.raises(AssertionError, match="was refused"):
        _ = refused.result


async def test_another_rejection_is_told(scenario: Scenario) -> None:
    refused = await scenario.when(PlaceOrder(order_id=13, email=EMAIL))

    with pytest.raises(AssertionError) as caught:
        refused.then_rejected(CommandRejectedError, field="email", colour="red")
    assert failure(caught) == [
        "PlaceOrder was refused with another CommandRejectedError",
        "  field: expected 'email', got 'order_id'",
        "  colour: expected 'red', and CommandRejectedError has no such attribute",
    ]
    with pytest.raises(AssertionError) as caught:
        refused.then_rejected(WorkflowExistsError)
    assert failure(caught) == [
        "PlaceOrder was refused with another error",
        "  expected WorkflowExistsError",
        "  got      CommandRejectedError: order_id: nobody wants this number",
    ]


async def test_acceptance_where_a_rejection_was_expected_is_told(scenario: Scenario) -> None:
    placed = await scenario.when(PlaceOrder(order_id=7, email=EMAIL))

    with pytest.raises(AssertionError, match="accepted, and CommandRejectedError was expected"):
        placed.then_rejected(CommandRejectedError)


async def test_a_given_command_that_is_refused_fails_the_test(scenario: Scenario) -> None:
    with pytest.raises(AssertionError, match="PlaceOrder, which was given, was refused"):
        await scenario.given(PlaceOrder(order_id=13, email=EMAIL))


async def test_given_events_have_to_be_the_workflow_s(scenario: Scenario) -> None:
    with pytest.raises(ValueError, match="QuoteGivenV1 belongs to no Order"):
        await scenario.given_events(OrderWorkflow, 7, QuoteGiven(price=1))  # type: ignore[misc]
    with pytest.raises(ValueError, match="no event was given for Quote '7'"):
        await scenario.given_events(QuoteWorkflow, 7)
    await scenario.given_events(OrderWorkflow, 7, PLACED, OrderShipped(carrier="gull"))
    with pytest.raises(WorkflowEndedError):
        await scenario.given_events(OrderWorkflow, 7, OrderNoted(text="late"))


async def test_a_rejection_that_nobody_asked_about_fails_the_test(handlers: Handlers) -> None:
    with pytest.raises(AssertionError, match="PlaceOrder was refused"):
        async with Scenario(order_service, handlers=handlers) as scenario:
            await scenario.when(PlaceOrder(order_id=13, email=EMAIL))


async def test_a_test_that_fails_is_not_told_twice(handlers: Handlers) -> None:
    async def the_test() -> None:
        async with Scenario(order_service, handlers=handlers) as scenario:
            await scenario.when(PlaceOrder(order_id=13, email=EMAIL))  # refused
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await the_test()


async def test_a_handler_is_given_its_event_and_no_other(
    scenario: Scenario, handlers: Handlers
) -> None:
    await scenario.given_events(OrderWorkflow, 1, OrderPlaced(order_id=1, email=EMAIL))
    await scenario.given_events(OrderWorkflow, 7, OrderPlaced(order_id=2, email=EMAIL))

    handling = await scenario.when_delivered(PLACED, to=handlers.packing, workflow_id=7)

    handling.then_handled().then_sent(NoteOrder(order_id=7, text="packed"))
    assert handlers.packed == [7]
    assert handlers.states == ["a state"]
    assert [(one.number, one.error) for one in handling.attempts] == [(1, None)]


async def test_what_is_emitted_later_is_not_delivered_by_itself(
    scenario: Scenario, handlers: Handlers
) -> None:
    await scenario.when_delivered(PLACED, to=handlers.packing)
    await scenario.given(PlaceOrder(order_id=8, email=EMAIL))
    await scenario.advance(60)

    assert handlers.packed == [7]


async def test_a_failure_is_retried_once_time_has_passed(
    scenario: Scenario, handlers: Handlers
) -> None:
    handlers.errors = [ConnectionError("closed")]

    handling = await scenario.when_delivered(PLACED, to=handlers.packing)

    handling.then_retried(ConnectionError, args=("closed",))
    assert handling.sent == ()
    (await handling.advance(10)).then_sent(NoteOrder(order_id=7, text="packed"))
    assert [one.number for one in handling.attempts] == [1, 2]


async def test_the_last_failure_makes_a_dead_letter(scenario: Scenario, handlers: Handlers) -> None:
    handlers.errors = [ConnectionError(str(one)) for one in range(9)]

    handling = await scenario.when_delivered(PLACED, to=handlers.packing)
    await handling.advance(3600)

    last = handling.then_dead_lettered(ConnectionError)
    assert handling.dead_letter is not None
    assert handling.dead_letter.attempts == len(handling.attempts)
    assert handling.dead_letter.error == f"ConnectionError: {last}"


async def test_a_handler_that_hangs_is_timed_out(scenario: Scenario, handlers: Handlers) -> None:
    handlers.hangs = True

    handling = await scenario.when_delivered(PLACED, to=handlers.packing, takes=5)

    error = handling.then_retried(TimeoutError)
    assert str(error) == "not done within 5 s"


async def test_a_handler_that_hangs_for_ever_fails_the_test(
    scenario: Scenario, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers.hangs = True

    async def at_once(seconds: float) -> None:
        raise TimeoutError

    monkeypatch.setattr(scenario.app, "advance", at_once)
    with pytest.raises(AssertionError, match="packing has not returned"):
        await scenario.when_delivered(PLACED, to=handlers.packing)


async def test_how_an_event_stands_is_told_where_it_is_otherwise(
    scenario: Scenario, handlers: Handlers
) -> None:
    handlers.errors = [ConnectionError("closed")]
    handling = await scenario.when_delivered(PLACED, to=handlers.packing)

    with pytest.raises(AssertionError) as caught:
        handling.then_handled()
    assert str(caught.value) == (
        "OrderPlaced is to be retried, and handled was expected: packing has been called once; "
        "it raised ConnectionError: closed"
    )
    assert caught.value.__cause__ is handling.attempts[0].error
    with pytest.raises(AssertionError, match="a dead letter was expected"):
        handling.then_dead_lettered(ConnectionError)
    with pytest.raises(AssertionError, match="expected KeyError"):
        handling.then_retried(KeyError)


async def test_a_failure_that_nobody_asked_about_fails_the_test(handlers: Handlers) -> None:
    handlers.errors = [ConnectionError("closed")]
    with pytest.raises(AssertionError, match="ConnectionError: closed"):
        async with Scenario(order_service, handlers=handlers) as scenario:
            await scenario.when_delivered(PLACED, to=handlers.packing)


async def test_only_a_subscription_s_handler_and_its_events_are_taken(
    scenario: Scenario, handlers: Handlers
) -> None:
    with pytest.raises(ValueError, match="ship_order is the handler of no subscription"):
        await scenario.when_delivered(PLACED, to=handlers.ship_order)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="packing passes OrderCancelledV1 over"):
        await scenario.when_delivered(OrderCancelled(), to=handlers.packing)  # type: ignore[arg-type]
