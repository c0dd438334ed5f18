"""Old addresses come up through a function of the team's own, new ones go down through another."""

import asyncio

import pytest
from generated.post_office import (
    AddressGivenV1,
    GiveAddress,
    post_office,
    subscriptions,
    upcasts,
)
from headwater import App, UpcastError
from services.post_office import handlers

OLD = {"name": "Ada", "address": "12, St James's Square, 10115 Berlin"}
MIDDLE = {"name": "Ada", "street": "12, St James's Square", "postcode": "10115", "city": "Berlin"}
NEW = {
    "person": "Ada",
    "street": "12, St James's Square",
    "postcode": "10115",
    "city": "Berlin",
    "lines": [],
}


async def main() -> None:
    registry = post_office.registry
    assert registry.upcast("AddressGiven", OLD, 1, 2) == MIDDLE
    assert registry.upcast("AddressGiven", OLD, 1, 3) == NEW
    assert registry.upcast("AddressGiven", MIDDLE, 2, 3) == NEW
    assert registry.upcast("AddressGiven", NEW, 3, 1) == OLD
    assert "address" in OLD  # though the function takes it out of what it is given
    assert upcasts.whole_address(MIDDLE) == OLD

    wrong = {"name": "Ada", "address": "nowhere"}
    with pytest.raises(UpcastError, match="the function raised ValueError") as caught:
        registry.upcast("AddressGiven", wrong, 1, 3)
    assert caught.value.hop == (1, 2)
    assert caught.value.op == "custom part_address"
    assert "nowhere" not in str(caught.value)

    async with App(post_office, handlers=handlers) as app:
        archive = app.subscribe(subscriptions.archive, consumer="archivist")
        async with archive as events:
            await app.execute(
                GiveAddress(
                    person="Ada",
                    street="12, St James's Square",
                    postcode="10115",
                    city="Berlin",
                    lines=[],
                )
            )
            async for event in events:
                assert event == AddressGivenV1(**OLD)
                break


asyncio.run(main())
