"""What a release of years ago wrote: `UserAdded` as it was while that was its only version."""

import asyncio
from uuid import uuid4

from headwater import HeadwaterError, Metadata, SystemClock
from headwater.stores.contract import Append, Expect, NewEvent, Rejected, Unit
from headwater.stores.databases import store_for

from generated.user_service import UserAddedV1, user_service

from .service import DemoError

__all__ = ["record"]


def record(database: str, user_id: int, name: str) -> None:
    """Record a user as the earlier release did, in the service's own database.

    Raises:
        DemoError: It was not recorded; the message says why.
    """
    event = UserAddedV1(user_id=user_id, name=name)
    try:
        asyncio.run(_commit(database, event))
    except HeadwaterError as error:
        raise DemoError(str(error)) from error


async def _commit(database: str, event: UserAddedV1) -> None:
    new = NewEvent(
        id=uuid4(),
        name=event.event_name,
        version=event.event_version,
        data=event.model_dump_json().encode(),
        terminal=event.terminal,
        metadata=Metadata(command="AddUser"),
    )
    append = Append(
        stream="users",
        workflow="User",
        workflow_id=str(event.user_id),
        expect=Expect.NEW,
        events=(new,),
    )
    store = store_for(database, SystemClock())
    await store.open(user_service.streams)
    try:
        [outcome] = await store.commit([Unit(appends=(append,))])
    finally:
        await store.close()
    if isinstance(outcome, Rejected):
        raise outcome.error
