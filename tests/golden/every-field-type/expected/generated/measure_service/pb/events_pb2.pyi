# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from . import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ShortFormsV1(_message.Message):
    __slots__ = ("text", "number", "ratio", "flag", "price", "key", "day", "clock", "moment", "span", "blob", "mail", "link", "anything")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    MOMENT_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    MAIL_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    ANYTHING_FIELD_NUMBER: _ClassVar[int]
    text: str
    number: int
    ratio: float
    flag: bool
    price: str
    key: str
    day: str
    clock: str
    moment: str
    span: str
    blob: bytes
    mail: str
    link: str
    anything: str
    def __init__(self, text: _Optional[str] = ..., number: _Optional[int] = ..., ratio: _Optional[float] = ..., flag: _Optional[bool] = ..., price: _Optional[str] = ..., key: _Optional[str] = ..., day: _Optional[str] = ..., clock: _Optional[str] = ..., moment: _Optional[str] = ..., span: _Optional[str] = ..., blob: _Optional[bytes] = ..., mail: _Optional[str] = ..., link: _Optional[str] = ..., anything: _Optional[str] = ...) -> None: ...

class ContainersV1(_message.Message):
    __slots__ = ("tags", "scores", "matrix", "by_day", "maybe", "maybe_each", "maybe_all", "grade", "grades", "place", "places", "contact", "contacts", "maybe_contact", "rule")
    class MatrixItem(_message.Message):
        __slots__ = ("items",)
        ITEMS_FIELD_NUMBER: _ClassVar[int]
        items: _containers.RepeatedScalarFieldContainer[int]
        def __init__(self, items: _Optional[_Iterable[int]] = ...) -> None: ...
    class ByDayValue(_message.Message):
        __slots__ = ("items",)
        ITEMS_FIELD_NUMBER: _ClassVar[int]
        items: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, items: _Optional[_Iterable[str]] = ...) -> None: ...
    class MaybeEachItem(_message.Message):
        __slots__ = ("value",)
        VALUE_FIELD_NUMBER: _ClassVar[int]
        value: int
        def __init__(self, value: _Optional[int] = ...) -> None: ...
    class MaybeAllList(_message.Message):
        __slots__ = ("items",)
        ITEMS_FIELD_NUMBER: _ClassVar[int]
        items: _containers.RepeatedScalarFieldContainer[int]
        def __init__(self, items: _Optional[_Iterable[int]] = ...) -> None: ...
    class ScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class ByDayEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: ContainersV1.ByDayValue
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[ContainersV1.ByDayValue, _Mapping]] = ...) -> None: ...
    class PlacesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _types_pb2.PlaceV1
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_types_pb2.PlaceV1, _Mapping]] = ...) -> None: ...
    TAGS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    MATRIX_FIELD_NUMBER: _ClassVar[int]
    BY_DAY_FIELD_NUMBER: _ClassVar[int]
    MAYBE_FIELD_NUMBER: _ClassVar[int]
    MAYBE_EACH_FIELD_NUMBER: _ClassVar[int]
    MAYBE_ALL_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    GRADES_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    CONTACTS_FIELD_NUMBER: _ClassVar[int]
    MAYBE_CONTACT_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    tags: _containers.RepeatedScalarFieldContainer[str]
    scores: _containers.ScalarMap[str, float]
    matrix: _containers.RepeatedCompositeFieldContainer[ContainersV1.MatrixItem]
    by_day: _containers.MessageMap[str, ContainersV1.ByDayValue]
    maybe: str
    maybe_each: _containers.RepeatedCompositeFieldContainer[ContainersV1.MaybeEachItem]
    maybe_all: ContainersV1.MaybeAllList
    grade: _types_pb2.GradeV1
    grades: _containers.RepeatedScalarFieldContainer[_types_pb2.GradeV1]
    place: _types_pb2.PlaceV1
    places: _containers.MessageMap[str, _types_pb2.PlaceV1]
    contact: _types_pb2.ContactV1
    contacts: _containers.RepeatedCompositeFieldContainer[_types_pb2.ContactV1]
    maybe_contact: _types_pb2.ContactV1
    rule: _types_pb2.RuleV1
    def __init__(self, tags: _Optional[_Iterable[str]] = ..., scores: _Optional[_Mapping[str, float]] = ..., matrix: _Optional[_Iterable[_Union[ContainersV1.MatrixItem, _Mapping]]] = ..., by_day: _Optional[_Mapping[str, ContainersV1.ByDayValue]] = ..., maybe: _Optional[str] = ..., maybe_each: _Optional[_Iterable[_Union[ContainersV1.MaybeEachItem, _Mapping]]] = ..., maybe_all: _Optional[_Union[ContainersV1.MaybeAllList, _Mapping]] = ..., grade: _Optional[_Union[_types_pb2.GradeV1, str]] = ..., grades: _Optional[_Iterable[_Union[_types_pb2.GradeV1, str]]] = ..., place: _Optional[_Union[_types_pb2.PlaceV1, _Mapping]] = ..., places: _Optional[_Mapping[str, _types_pb2.PlaceV1]] = ..., contact: _Optional[_Union[_types_pb2.ContactV1, _Mapping]] = ..., contacts: _Optional[_Iterable[_Union[_types_pb2.ContactV1, _Mapping]]] = ..., maybe_contact: _Optional[_Union[_types_pb2.ContactV1, _Mapping]] = ..., rule: _Optional[_Union[_types_pb2.RuleV1, _Mapping]] = ...) -> None: ...

class ConstrainedV1(_message.Message):
    __slots__ = ("code", "count", "share", "step", "amount", "names", "limits", "nickname", "digest")
    class LimitsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    NICKNAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    code: str
    count: int
    share: float
    step: int
    amount: str
    names: _containers.RepeatedScalarFieldContainer[str]
    limits: _containers.ScalarMap[str, int]
    nickname: str
    digest: bytes
    def __init__(self, code: _Optional[str] = ..., count: _Optional[int] = ..., share: _Optional[float] = ..., step: _Optional[int] = ..., amount: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., limits: _Optional[_Mapping[str, int]] = ..., nickname: _Optional[str] = ..., digest: _Optional[bytes] = ...) -> None: ...

class DefaultedV1(_message.Message):
    __slots__ = ("text", "number", "ratio", "flag", "price", "key", "day", "clock", "moment", "span", "blob", "mail", "link", "anything", "tags", "scores", "grade", "grades", "maybe")
    class ScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    TEXT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    MOMENT_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    MAIL_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    ANYTHING_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    GRADES_FIELD_NUMBER: _ClassVar[int]
    MAYBE_FIELD_NUMBER: _ClassVar[int]
    text: str
    number: int
    ratio: float
    flag: bool
    price: str
    key: str
    day: str
    clock: str
    moment: str
    span: str
    blob: bytes
    mail: str
    link: str
    anything: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    scores: _containers.ScalarMap[str, int]
    grade: _types_pb2.GradeV1
    grades: _containers.RepeatedScalarFieldContainer[_types_pb2.GradeV1]
    maybe: str
    def __init__(self, text: _Optional[str] = ..., number: _Optional[int] = ..., ratio: _Optional[float] = ..., flag: _Optional[bool] = ..., price: _Optional[str] = ..., key: _Optional[str] = ..., day: _Optional[str] = ..., clock: _Optional[str] = ..., moment: _Optional[str] = ..., span: _Optional[str] = ..., blob: _Optional[bytes] = ..., mail: _Optional[str] = ..., link: _Optional[str] = ..., anything: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., scores: _Optional[_Mapping[str, int]] = ..., grade: _Optional[_Union[_types_pb2.GradeV1, str]] = ..., grades: _Optional[_Iterable[_Union[_types_pb2.GradeV1, str]]] = ..., maybe: _Optional[str] = ...) -> None: ...

class PrivateV1(_message.Message):
    __slots__ = ("name", "birthday")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BIRTHDAY_FIELD_NUMBER: _ClassVar[int]
    name: str
    birthday: str
    def __init__(self, name: _Optional[str] = ..., birthday: _Optional[str] = ...) -> None: ...
