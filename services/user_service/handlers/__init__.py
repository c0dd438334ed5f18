"""The handlers of user-service, one a file. Yours to edit."""

from .accept_invitation import accept_invitation
from .add_user import add_user
from .decline_invitation import decline_invitation
from .invitation_processor import invitation_processor
from .invite_user import invite_user
from .legacy_directory import legacy_directory
from .remove_user import remove_user
from .validate_invite_user import validate_invite_user

__all__ = [
    "accept_invitation",
    "add_user",
    "decline_invitation",
    "invitation_processor",
    "invite_user",
    "legacy_directory",
    "remove_user",
    "validate_invite_user",
]
