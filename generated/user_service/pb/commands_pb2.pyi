# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RoleInput(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_INPUT_UNSPECIFIED: _ClassVar[RoleInput]
    ROLE_INPUT_MEMBER: _ClassVar[RoleInput]
    ROLE_INPUT_ADMIN: _ClassVar[RoleInput]
ROLE_INPUT_UNSPECIFIED: RoleInput
ROLE_INPUT_MEMBER: RoleInput
ROLE_INPUT_ADMIN: RoleInput

class AddUserCommand(_message.Message):
    __slots__ = ("user_id", "first_name", "last_name", "email")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_NAME_FIELD_NUMBER: _ClassVar[int]
    LAST_NAME_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    first_name: str
    last_name: str
    email: str
    def __init__(self, user_id: _Optional[int] = ..., first_name: _Optional[str] = ..., last_name: _Optional[str] = ..., email: _Optional[str] = ...) -> None: ...

class RemoveUserCommand(_message.Message):
    __slots__ = ("user_id",)
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    def __init__(self, user_id: _Optional[int] = ...) -> None: ...

class InviteUserCommand(_message.Message):
    __slots__ = ("email", "role", "invited_by")
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    INVITED_BY_FIELD_NUMBER: _ClassVar[int]
    email: str
    role: RoleInput
    invited_by: str
    def __init__(self, email: _Optional[str] = ..., role: _Optional[_Union[RoleInput, str]] = ..., invited_by: _Optional[str] = ...) -> None: ...

class AcceptInvitationCommand(_message.Message):
    __slots__ = ("invitation_id", "user_id")
    INVITATION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    invitation_id: str
    user_id: int
    def __init__(self, invitation_id: _Optional[str] = ..., user_id: _Optional[int] = ...) -> None: ...

class DeclineInvitationCommand(_message.Message):
    __slots__ = ("invitation_id", "reason")
    INVITATION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    invitation_id: str
    reason: str
    def __init__(self, invitation_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
