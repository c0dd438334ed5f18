"""Remove a user for good. Yours to edit."""

from headwater import CommandContext

from generated.user_service import RemoveUser, UserRemoved, UserWorkflow


async def remove_user(command: RemoveUser, workflow: UserWorkflow, context: CommandContext) -> None:
    """Remove a user for good."""
    workflow.emit(UserRemoved(user_id=command.user_id))
