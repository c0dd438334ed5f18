"""The keys of types: enums, objects and tagged unions, with their older forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias, cast

from typing_extensions import override

from ..load import NOWHERE, Node, Place
from ..names import versioned
from ..problems import Problem
from .containers import ListShape, MapShape, Variants
from .declare import DESCRIPTION, NONE, Model, Shape, key
from .fields import Field, fields_key
from .numbers import VersionNumber
from .words import EnumValue, Name, Text, TypeName

__all__ = ["EnumType", "ObjectType", "TypeDeclaration", "UnionType", "tag_value"]


class _TypeForm(Shape):
    """An older form of a type, declared as types are."""

    @property
    def _variants(self) -> Variants:
        return Variants({"enum": EnumType, "fields": ObjectType, "one_of": UnionType})

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        return self._variants.read(node, problems, owner)

    @override
    def schema(self) -> dict[str, Any]:
        return self._variants.schema()

    @property
    @override
    def words(self) -> str:
        return self._variants.words

    @override
    def parts(self) -> tuple[type[Model], ...]:
        return self._variants.parts()


def _type_history() -> Mapping[str, TypeDeclaration]:
    return cast(
        "Mapping[str, TypeDeclaration]",
        key(
            "Its older forms by their numbers, 1, 2, 3...: versions of events that were released "
            "with one name it so, such as `Role@1`. The form without a number is the newest.",
            MapShape(VersionNumber(), _TypeForm()),
            default=NONE,
            default_words="none: this is its first form",
            example="history: {1: {enum: [member]}}",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class EnumType(Model):
    """A choice among texts that are known beforehand; a `StrEnum`."""

    NOUN: ClassVar[str] = "an enum"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: What a user may do."
    )
    values: tuple[str, ...] = key(
        "The values, as they are on the wire. `in-progress` is the member `IN_PROGRESS`.",
        ListShape(EnumValue()),
        name="enum",
        example="enum: [member, admin]",
    )
    history: Mapping[str, TypeDeclaration] = _type_history()
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class ObjectType(Model):
    """Several fields as one value."""

    NOUN: ClassVar[str] = "an object"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: Where something is sent to."
    )
    fields: Mapping[str, Field] = fields_key(required=True)
    history: Mapping[str, TypeDeclaration] = _type_history()
    node: Node = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class UnionType(Model):
    """One of several objects. A tag tells which: a field beside theirs, with the type's name."""

    NOUN: ClassVar[str] = "a tagged union"

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: How to reach somebody."
    )
    members: tuple[str, ...] = key(
        "The objects. An older form may name an older one, `EmailContact@1`; its tag is the same.",
        ListShape(TypeName("an object type")),
        name="one_of",
        example="one_of: [EmailContact, PhoneContact]",
    )
    tag: str = key("The tag's name.", Name("a tag", "snake_case"), example="tag: kind")
    history: Mapping[str, TypeDeclaration] = _type_history()
    node: Node = field(default=NOWHERE, compare=False, repr=False)


TypeDeclaration: TypeAlias = EnumType | ObjectType | UnionType


def tag_value(types: Mapping[str, TypeDeclaration], member: str) -> str:
    """Return what a tag says of a union's member: the type's name, whichever version it is."""
    head, _, number = member.rpartition("V")
    is_version = head in types and number in types[head].history
    return head if is_version and member == versioned(head, int(number)) else member
