"""What gets past pydantic's checks is refused before it is recorded, if the app is told to."""

from typing import Any

import pytest
from headwater import App, CommandContext, HandlerFailedError

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import OrderPlaced, OrderWorkflow, PlaceOrder, order_service

SECRET = "no address, and private"  # noqa: S105  (a value to look for in messages)


class Careless(OrderHandlers):
    """Makes an event that its class would refuse."""

    async def place_order(
        self, command: PlaceOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> str:
        placed = OrderPlaced(order_id=command.order_id, email=command.email)
        workflow.emit(placed.model_copy(update={"order_id": SECRET}))
        return workflow.id


def app(*, validate_events: bool) -> App[Any]:
    return App(order_service, handlers=Careless(), validate_events=validate_events)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
async def test_an_event_that_does_not_fit_its_version_fails_its_command() -> None:
    """Nothing is recorded, and no value is told."""
    async with app(validate_events=True) as careful:
        with pytest.raises(HandlerFailedError, match="does not fit its version: order_id") as told:
            await careful.execute(PlaceOrder(order_id=1, email="ada@example.com"))

        assert SECRET not in str(told.value)
        assert (await careful.statistics("orders")).head == 0


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
async def test_by_default_only_the_class_checks() -> None:
    async with app(validate_events=False) as trusting:
        await trusting.execute(PlaceOrder(order_id=1, email="ada@example.com"))
        assert (await trusting.statistics("orders")).head == 1


async def test_what_fits_is_recorded() -> None:
    async with App(order_service, handlers=OrderHandlers(), validate_events=True) as careful:
        await careful.execute(PlaceOrder(order_id=1, email="ada@example.com"))
        assert (await careful.statistics("orders")).head == 1
