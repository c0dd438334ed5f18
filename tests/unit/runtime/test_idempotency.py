"""A request under an idempotency key is carried out once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from headwater import (
    App,
    CommandContext,
    CommandRejectedError,
    HandlerFailedError,
    IdempotencyConflictError,
    WorkflowExistsError,
)

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import (
    CancelOrder,
    Handlers,
    NoteOrder,
    OrderWorkflow,
    PlaceOrder,
    Quote,
    order_service,
)


def place(order_id: int = 1) -> PlaceOrder:
    return PlaceOrder(order_id=order_id, email="ada@example.com")


@pytest.fixture(params=["memory", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/orders.db"


@pytest.fixture
async def app(database: str) -> AsyncIterator[App[Handlers]]:
    async with App(order_service, handlers=OrderHandlers(), database=database) as app:
        yield app


async def test_a_repeated_command_is_told_what_the_first_was(app: App[Handlers]) -> None:
    first = await app.submit(Quote(price=3), idempotency_key="k-1")
    again = await app.submit(Quote(price=3), idempotency_key="k-1")
    assert again == first
    assert (await app.statistics("quotes")).head == 1


async def test_a_repeated_start_is_no_conflict(app: App[Handlers]) -> None:
    for _ in range(2):
        assert await app.execute(place(), idempotency_key="k-1") == "1"
    with pytest.raises(WorkflowExistsError):
        await app.execute(place(), idempotency_key="k-2")


async def test_the_same_request_sent_twice_at_once_is_carried_out_once(app: App[Handlers]) -> None:
    results = await asyncio.gather(
        *(app.execute(NoteOrder(order_id=1, text="a"), idempotency_key="k-1") for _ in range(5)),
        *(app.execute(place(2), idempotency_key="k-2") for _ in range(5)),
    )
    assert results == [1] * 5 + ["2"] * 5
    assert (await app.statistics("orders")).head == 2


@pytest.mark.parametrize("other", [place(2), NoteOrder(order_id=1, text="x")])
async def test_another_request_under_the_key_is_refused(app: App[Handlers], other: Any) -> None:
    await app.execute(place(), idempotency_key="k-1")
    with pytest.raises(IdempotencyConflictError):
        await app.execute(other, idempotency_key="k-1")
    assert (await app.statistics("orders")).head == 1


async def test_a_rejected_request_may_come_again(app: App[Handlers]) -> None:
    with pytest.raises(CommandRejectedError):
        await app.execute(place(13), idempotency_key="k-1")
    assert await app.execute(place(), idempotency_key="k-1") == "1"


async def test_a_command_that_emits_nothing_is_kept_too() -> None:
    runs = 0

    class Quiet(OrderHandlers):
        async def cancel_order(
            self, command: CancelOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> None:
            nonlocal runs
            runs += 1

    async with App(order_service, handlers=Quiet()) as app:
        await app.execute(place())
        for _ in range(2):
            await app.execute(CancelOrder(order_id=1), idempotency_key="k-1")
    assert runs == 1


async def test_a_result_that_does_not_fit_is_the_handler_s_failure() -> None:
    class Wrong(OrderHandlers):
        async def place_order(
            self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
        ) -> str:
            await super().place_order(command, workflow, context)
            return object()  # type: ignore[return-value]

    async with App(order_service, handlers=Wrong()) as app:
        with pytest.raises(HandlerFailedError, match="returned object; str is due"):
            await app.execute(place(), idempotency_key="k-1")
        assert (await app.statistics("orders")).head == 0


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb"])
async def test_a_key_has_to_be_usable(app: App[Handlers], key: str) -> None:
    with pytest.raises(CommandRejectedError, match="1 to 255"):
        await app.execute(place(), idempotency_key=key)


async def test_a_key_is_known_after_a_restart(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/orders.db"
    outcomes = []
    for _ in range(2):
        async with App(order_service, handlers=OrderHandlers(), database=database) as app:
            outcomes.append(await app.submit(Quote(price=3), idempotency_key="k-1"))
            head = (await app.statistics("quotes")).head
    assert outcomes[0] == outcomes[1]
    assert head == 1
