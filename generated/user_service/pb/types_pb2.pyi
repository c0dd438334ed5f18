# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class RoleV1(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_V1_UNSPECIFIED: _ClassVar[RoleV1]
    ROLE_V1_MEMBER: _ClassVar[RoleV1]
    ROLE_V1_ADMIN: _ClassVar[RoleV1]
ROLE_V1_UNSPECIFIED: RoleV1
ROLE_V1_MEMBER: RoleV1
ROLE_V1_ADMIN: RoleV1
