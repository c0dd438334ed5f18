"""Add a user under a number of your own. Yours to edit."""

from headwater import CommandContext

from generated.user_service import AddUser, UserAdded, UserWorkflow


async def add_user(command: AddUser, workflow: UserWorkflow, context: CommandContext) -> str:
    """Add a user under a number of your own."""
    workflow.emit(
        UserAdded(
            user_id=command.user_id,
            first_name=command.first_name,
            last_name=command.last_name,
            email=command.email,
            source=command.source,
        )
    )
    return workflow.id
