"""An old phone directory that knows users by one name. Yours to edit."""

from headwater import EventContext

from generated.user_service import UserAddedV1, UserRemoved


async def legacy_directory(event: UserAddedV1 | UserRemoved, context: EventContext) -> None:
    """Say what the directory is told: whatever version was recorded, it is given version 1."""
    match event:
        case UserAddedV1():
            what = f"a name of {len(event.name.split())} words is listed"
        case UserRemoved():
            what = "the name is struck out"
    print(f"legacy-directory: {event!r} of version {context.recorded.version}; {what}")
