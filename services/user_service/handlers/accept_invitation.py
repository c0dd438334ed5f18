"""Say yes to an invitation. Yours to edit."""

from headwater import CommandContext

from generated.user_service import AcceptInvitation, InvitationAccepted, InvitationWorkflow


async def accept_invitation(
    command: AcceptInvitation, workflow: InvitationWorkflow, context: CommandContext
) -> None:
    """Say yes to an invitation."""
    workflow.emit(InvitationAccepted(user_id=command.user_id))
