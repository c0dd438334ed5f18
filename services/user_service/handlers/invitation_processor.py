"""Sends the invitation, and follows up on its answer. Yours to edit."""

from headwater import EventContext

from generated.user_service import InvitationAccepted, InvitationDeclined, UserInvited


async def invitation_processor(
    event: UserInvited | InvitationAccepted | InvitationDeclined, context: EventContext
) -> None:
    """Say what would be done, where a real service would send emails."""
    match event:
        case UserInvited():
            what = "would send the invitation"
        case InvitationAccepted():
            what = f"would welcome user {event.user_id}"
        case InvitationDeclined():
            what = f"would note the reason: {event.reason}"
    print(f"invitation-processor: {event!r}; {what}")
