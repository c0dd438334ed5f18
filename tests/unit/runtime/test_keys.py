"""Idempotency keys go when nobody needs them: as the app is told, and as its clock says."""

import logging
from pathlib import Path
from typing import Any

import pytest
from headwater import App, CommandContext, ConfigurationError, EventContext, Service
from headwater.operations.settings import load_settings
from headwater.stores.keys import KeyKind

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import Handlers, NoteOrder, OrderPlaced, Quote, order_service
from tests.support.virtual_app import VirtualApp
from tests.unit.runtime.test_retention import place, service

HOUR = 3600.0
WEEK = 7 * 24 * HOUR


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "memory":
            return "memory://"
        case "sqlite":
            return f"sqlite:///{tmp_path}/orders.db"
        case _:
            return str(request.getfixturevalue("postgres_url"))


def keeping(service: Service[Handlers], handlers: OrderHandlers, database: str) -> VirtualApp:
    """An app that keeps keys for an hour."""
    app = VirtualApp(service, handlers=handlers, database=database)
    app._caretakers[1]._kept = HOUR
    return app


async def test_a_request_is_known_for_as_long_as_was_said_and_then_is_a_new_one(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "headwater.retention")
    async with keeping(order_service, OrderHandlers(), database) as app:
        first = await app.submit(Quote(price=3), idempotency_key="k-1")
        await app.advance(HOUR - 60.0)
        assert await app.submit(Quote(price=3), idempotency_key="k-1") == first
        assert not [one for one in caplog.records if one.name == "headwater.retention"]

        await app.advance(120.0)

        assert await app.keys(kept=HOUR) == []
        assert await app.submit(Quote(price=3), idempotency_key="k-1") != first
    [said] = [one for one in caplog.records if "keys removed" in one.getMessage()]
    assert said.getMessage() == "1 idempotency keys removed, of kind request"


class Notes(OrderHandlers):
    """Notes on each order that is packed."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = 0

    async def packing(self, event: OrderPlaced, context: EventContext) -> None:
        context.send(NoteOrder(order_id=event.order_id, text="packed"))

    async def note_order(self, command: NoteOrder, workflow: Any, context: CommandContext) -> int:
        self.notes += 1
        return await super().note_order(command, workflow, context)


async def test_what_a_handler_has_sent_is_known_for_as_long_as_its_event_is_there(
    database: str,
) -> None:
    """Commands of events that retention has removed leave nothing behind; others do."""
    handlers = Notes()
    async with keeping(service(age=2 * HOUR), handlers, database) as app:
        await place(app, 1)
        await app.wait_until_idle()
        assert handlers.notes == 1
        await app.advance(HOUR + 60.0)
        [plan] = await app.keys(kept=HOUR)
        assert (plan.kind, plan.stream, plan.count.all, plan.count.gone) == (
            KeyKind.SENT,
            "orders",
            1,
            0,
        )

        await app.advance(HOUR + 120.0)

        assert await app.keys(kept=HOUR) == []


async def test_keys_can_be_kept_for_good(database: str) -> None:
    app = VirtualApp(order_service, handlers=OrderHandlers(), database=database)
    keeper = app._caretakers[1]
    keeper._kept = 0.0
    assert not keeper.has_work
    async with app:
        await app.execute(Quote(price=3), idempotency_key="k-1")
        await app.advance(2 * HOUR)
        [plan] = await app.keys(kept=0)
        assert plan.count.all == 1
        removals = await app.forget_keys(kept=0)
        assert removals == []
        removals = await app.forget_keys(kept=HOUR)
        assert sum(one.removed for one in removals) == 1


@pytest.mark.parametrize("kept", [1.0, 3599.0, -1.0, float("nan")])
async def test_a_time_that_is_shorter_than_a_request_may_take_is_refused(kept: float) -> None:
    with pytest.raises(ConfigurationError, match="3600 seconds at least"):
        App(order_service, handlers=OrderHandlers(), keep_keys=kept)
    async with App(order_service, handlers=OrderHandlers()) as app:
        for call in (app.keys, app.forget_keys):
            with pytest.raises(ConfigurationError, match="3600 seconds at least"):
                await call(kept=kept)


@pytest.mark.parametrize(
    ("said", "seconds"), [("7d", WEEK), ("36h", 36 * HOUR), ("3600", HOUR), ("0", 0.0)]
)
def test_the_setting_takes_seconds_and_durations(
    said: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_KEEP_KEYS", said)
    assert load_settings().keep_keys == seconds


@pytest.mark.parametrize("said", ["30m", "1.5d", "a week", "-1", "7 days"])
def test_another_word_for_it_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_KEEP_KEYS", said)
    with pytest.raises(ConfigurationError, match="HEADWATER_KEEP_KEYS"):
        load_settings()
