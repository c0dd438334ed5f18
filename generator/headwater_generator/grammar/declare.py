"""How keys are declared: once, with what they mean, what may stand there, and an example."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from dataclasses import MISSING, Field, dataclass, field, fields
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeAlias

from ..load import Entry, Mapping, Node, Place
from ..problems import Problem

__all__ = [
    "DESCRIPTION",
    "JSON",
    "NONE",
    "UNREAD",
    "UNSET",
    "X_KEYS",
    "Key",
    "Model",
    "Shape",
    "Unread",
    "Unset",
    "anchor",
    "key",
    "keys",
    "keys_of",
]

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None
X_KEYS: Final = "^x-"
DESCRIPTION: Final = (
    "What it is for. Becomes the docstring, and the description in schemas and OpenAPI."
)
NONE: AnyMapping[str, object] = MappingProxyType({})  # the default of keys with entries
_KEYS: dict[type[Model], AnyMapping[str, Key]] = {}


class Unread:
    """The type of `UNREAD`."""

    def __repr__(self) -> str:
        return "UNREAD"


class Unset:
    """The type of `UNSET`."""

    def __repr__(self) -> str:
        return "UNSET"


UNREAD = Unread()
"""What reading gives after it has reported a problem."""
UNSET = Unset()
"""The default of a field that has none; `None` is one."""


class Shape:
    """One kind of value. Shapes hold no state of a reading."""

    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        """Return the value, or `UNREAD` after reporting what is wrong.

        `owner` is the key under which the node stands: missing keys are reported there.
        """
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema for editors."""
        raise NotImplementedError

    @property
    def words(self) -> str:
        """What the reference calls the value, such as "true or false"."""
        raise NotImplementedError

    def parts(self) -> tuple[type[Model], ...]:
        """Return the models that a value of this shape is made of."""
        return ()


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a mapping: what it means, and what may stand there."""

    name: str
    attribute: str
    meaning: str
    shape: Shape
    required: bool
    default: str
    """What holds without the key, in words; empty where the key is required."""
    example: str
    """YAML of the key with a value."""
    grouped: bool = False
    """The attribute is a mapping that collects several keys."""


class Model:
    """A mapping with known keys: a frozen dataclass whose fields are made by `key` or `keys`."""

    NOUN: ClassVar[str]
    """What messages call it, such as "an event"."""
    EXACTLY_ONE: ClassVar[tuple[str, ...]] = ()
    """Keys of which exactly one is there."""
    EXAMPLES: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Keys that the reference shows together, where not all can be; or whole lines of YAML."""
    FOREIGN: ClassVar[AnyMapping[str, str]] = MappingProxyType({})
    """Keys that others have, in small letters without `_` or `-`, and what to write instead."""

    @classmethod
    def hint(cls, unknown: Entry, node: Mapping) -> str:
        """Return what to do about an unknown key, where more can be said than the nearest key."""
        return cls.FOREIGN.get(re.sub(r"[-_]", "", unknown.key.text).lower(), "")

    @classmethod
    def fitting(cls, node: Mapping) -> tuple[str, ...]:
        """Return the keys that a mapping with these keys could have."""
        return tuple(keys_of(cls))


def key(
    meaning: str,
    shape: Shape,
    *,
    example: str,
    name: str = "",
    default: object = MISSING,
    default_words: str = "",
) -> Any:
    """Declare a key of a model; without a default it is required."""
    metadata = {"key": (name, meaning, shape, default_words, example)}
    if default is MISSING:
        return field(metadata=metadata)
    if isinstance(default, AnyMapping):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)


def keys(**declared: tuple[str, Shape, str]) -> Any:
    """Declare optional keys that one mapping collects: meaning, shape and example of each."""
    return field(default_factory=dict, metadata={"keys": declared})


def keys_of(model: type[Model]) -> AnyMapping[str, Key]:
    """Return the keys of a model in their order."""
    if model not in _KEYS:
        _KEYS[model] = MappingProxyType(
            {key.name: key for item in fields(model) for key in _declared(item)}  # type: ignore[arg-type]  # models are dataclasses
        )
    return _KEYS[model]


def _declared(item: Field[Any]) -> list[Key]:
    if "keys" in item.metadata:
        return [
            Key(name, item.name, meaning, shape, False, "none", example, grouped=True)  # noqa: FBT003
            for name, (meaning, shape, example) in item.metadata["keys"].items()
        ]
    if "key" not in item.metadata:
        return []
    name, meaning, shape, default_words, example = item.metadata["key"]
    required = item.default is MISSING and item.default_factory is MISSING
    if not required and not default_words:
        default_words = "none" if item.default is None else f"`{str(item.default).lower()}`"
    return [Key(name or item.name, item.name, meaning, shape, required, default_words, example)]


def anchor(model: type[Model]) -> str:
    """Return the heading of a model in the reference, as links name it."""
    return re.sub(r"[^a-z]+", "-", model.NOUN.removeprefix("a ").removeprefix("an ").lower())
