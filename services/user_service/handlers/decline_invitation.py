"""Say no to an invitation. Yours to edit."""

from headwater import CommandContext

from generated.user_service import DeclineInvitation, InvitationDeclined, InvitationWorkflow


async def decline_invitation(
    command: DeclineInvitation, workflow: InvitationWorkflow, context: CommandContext
) -> None:
    """Say no to an invitation."""
    workflow.emit(InvitationDeclined(reason=command.reason))
