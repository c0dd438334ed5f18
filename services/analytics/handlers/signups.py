"""Counts the users who come and go, each event once. Yours to edit."""

from headwater import EventContext
from sqlalchemy import text

from generated.analytics.remotes.user_service import UserAdded, UserRemoved

TABLE = text("CREATE TABLE IF NOT EXISTS signups (event TEXT PRIMARY KEY, times BIGINT NOT NULL)")
COUNT = text(
    "INSERT INTO signups (event, times) VALUES (:event, 1) "
    "ON CONFLICT (event) DO UPDATE SET times = signups.times + 1"
)


async def signups(event: UserAdded | UserRemoved, context: EventContext) -> None:
    """Count the event in the transaction that acknowledges it, so that it counts once."""
    connection = await context.connection()
    await connection.execute(TABLE)
    await connection.execute(COUNT, {"event": event.event_name})
