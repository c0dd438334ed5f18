"""Invite somebody by email. Yours to edit."""

from headwater import CommandContext

from generated.user_service import InvitationWorkflow, InviteUser, UserInvited


async def invite_user(
    command: InviteUser, workflow: InvitationWorkflow, context: CommandContext
) -> str:
    """Invite somebody by email. Returns the invitation's id."""
    workflow.emit(
        UserInvited(email=command.email, role=command.role, invited_by=command.invited_by)
    )
    return workflow.id
