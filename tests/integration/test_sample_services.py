"""The two services of the sample, in one process: analytics counts what user-service publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from headwater import App
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from generated.analytics import analytics
from generated.user_service import AddUser, RemoveUser, user_service
from services.analytics import handlers as analytics_handlers
from services.user_service import handlers as user_handlers
from tests.support.waiting import eventually

USERS = 20


async def counted_in(database: Path) -> dict[str, int]:
    """What the handler of analytics has counted; nothing before it has made its table."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
    try:
        async with engine.connect() as connection:
            rows = await connection.execute(text("SELECT event, times FROM signups"))
            return dict(map(tuple, rows))
    except OperationalError:
        return {}
    finally:
        await engine.dispose()


def added(number: int) -> AddUser:
    email = f"user{number}@mail.example"
    return AddUser(user_id=number, first_name="Ada", last_name="Lovelace", email=email)


async def test_analytics_counts_every_event_of_user_service_once(tmp_path: Path) -> None:
    """Those recorded before it ran too, and none again when it comes back."""
    broker = f"memory://{uuid4().hex}"
    users = App(
        user_service,
        handlers=user_handlers,
        database=f"sqlite:///{tmp_path}/users.db",
        broker=broker,
    )

    database = tmp_path / "analytics.db"

    def counting() -> App[Any]:
        return App(
            analytics,
            handlers=analytics_handlers,
            database=f"sqlite:///{database}",
            broker=broker,
        )

    async def has_counted(events: int) -> bool:
        return sum((await counted_in(database)).values()) >= events

    async with users:
        for number in range(1, USERS + 1):
            await users.execute(added(number))
        async with counting():
            await users.execute(RemoveUser(user_id=1))
            await eventually(lambda: has_counted(USERS + 1))
        async with counting():
            await users.execute(RemoveUser(user_id=2))
            await eventually(lambda: has_counted(USERS + 2))

    assert await counted_in(database) == {"UserAdded": USERS, "UserRemoved": 2}
