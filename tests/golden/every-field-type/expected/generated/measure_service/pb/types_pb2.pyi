# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GradeV1(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GRADE_V1_UNSPECIFIED: _ClassVar[GradeV1]
    GRADE_V1_LOW: _ClassVar[GradeV1]
    GRADE_V1_VERY_HIGH: _ClassVar[GradeV1]
    GRADE_V1_VALUE_2ND: _ClassVar[GradeV1]
    GRADE_V1_N_A: _ClassVar[GradeV1]
GRADE_V1_UNSPECIFIED: GradeV1
GRADE_V1_LOW: GradeV1
GRADE_V1_VERY_HIGH: GradeV1
GRADE_V1_VALUE_2ND: GradeV1
GRADE_V1_N_A: GradeV1

class PlaceV1(_message.Message):
    __slots__ = ("street", "country", "inside")
    STREET_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    INSIDE_FIELD_NUMBER: _ClassVar[int]
    street: str
    country: str
    inside: PlaceV1
    def __init__(self, street: _Optional[str] = ..., country: _Optional[str] = ..., inside: _Optional[_Union[PlaceV1, _Mapping]] = ...) -> None: ...

class ByMailV1(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class ByPhoneV1(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: str
    def __init__(self, number: _Optional[str] = ...) -> None: ...

class ContactV1(_message.Message):
    __slots__ = ("by_mail", "by_phone")
    BY_MAIL_FIELD_NUMBER: _ClassVar[int]
    BY_PHONE_FIELD_NUMBER: _ClassVar[int]
    by_mail: ByMailV1
    by_phone: ByPhoneV1
    def __init__(self, by_mail: _Optional[_Union[ByMailV1, _Mapping]] = ..., by_phone: _Optional[_Union[ByPhoneV1, _Mapping]] = ...) -> None: ...

class AllOfV1(_message.Message):
    __slots__ = ("parts",)
    PARTS_FIELD_NUMBER: _ClassVar[int]
    parts: _containers.RepeatedCompositeFieldContainer[RuleV1]
    def __init__(self, parts: _Optional[_Iterable[_Union[RuleV1, _Mapping]]] = ...) -> None: ...

class NotV1(_message.Message):
    __slots__ = ("rule",)
    RULE_FIELD_NUMBER: _ClassVar[int]
    rule: RuleV1
    def __init__(self, rule: _Optional[_Union[RuleV1, _Mapping]] = ...) -> None: ...

class BelowV1(_message.Message):
    __slots__ = ("limit",)
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    limit: float
    def __init__(self, limit: _Optional[float] = ...) -> None: ...

class RuleV1(_message.Message):
    __slots__ = ("all_of", "below")
    ALL_OF_FIELD_NUMBER: _ClassVar[int]
    NOT_FIELD_NUMBER: _ClassVar[int]
    BELOW_FIELD_NUMBER: _ClassVar[int]
    all_of: AllOfV1
    below: BelowV1
    def __init__(self, all_of: _Optional[_Union[AllOfV1, _Mapping]] = ..., below: _Optional[_Union[BelowV1, _Mapping]] = ..., **kwargs) -> None: ...
