"""How many users there are, from the events of the stream `users`."""

from collections.abc import AsyncIterable

from generated.user_service import UserAdded, UserRemoved

__all__ = ["Analytics"]


class Analytics:
    """A count that follows the stream."""

    def __init__(self) -> None:
        self.users = 0

    async def watch(self, events: AsyncIterable[UserAdded | UserRemoved]) -> None:
        """Count until the stream of events ends."""
        async for event in events:
            self.users += 1 if isinstance(event, UserAdded) else -1
            print(f"user-analytics: {event!r}; users: {self.users}")
