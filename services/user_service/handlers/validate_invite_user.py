"""Whether somebody may be invited. Yours to edit."""

from headwater import CommandContext, CommandRejectedError

from generated.user_service import InviteUser, Role

OUR_DOMAIN = "@example.com"


async def validate_invite_user(command: InviteUser, context: CommandContext) -> None:
    """Refuse admins from outside."""
    if command.role is Role.ADMIN and not command.email.endswith(OUR_DOMAIN):
        raise CommandRejectedError(f"admins need an address {OUR_DOMAIN}", field="role")
