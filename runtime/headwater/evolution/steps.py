"""What generated upcasts call where a value may refuse to be changed.

A step knows the hop and the op that it stands for, so that an event that cannot be brought to
another version says where it got stuck. Steps are plain functions that are made once, when the
module is imported: an event is upcast in a microsecond, of which calling an object would be a part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple, TypeAlias

from headwater.schema.conversions import CONVERSIONS
from pydantic_core import from_json, to_json

from .envelopes import Envelope

__all__ = [
    "Fields",
    "StepError",
    "Upcast",
    "Upcasting",
    "WithEnvelope",
    "computation",
    "conversion",
    "custom_function",
    "enum_map",
    "first_item",
    "joined",
    "parted",
    "text",
]

Fields: TypeAlias = dict[str, Any]
"""An event's data as JSON: what a version's fields are on the wire."""


Upcast: TypeAlias = Callable[[Fields], Fields]
"""Makes the fields of one version out of those of another, up or down. The dict that goes in stays
as it is; what is in it may be in the one that comes out, too."""


class WithEnvelope(NamedTuple):
    """An upcast that takes something from the envelope, too. Most don't, and are spared it."""

    upcast: Callable[[Fields, Envelope], Fields]


Upcasting: TypeAlias = Mapping[tuple[str, int, int], Upcast | WithEnvelope]
"""The ways between versions there are: by name, version before and version after."""


class StepError(Exception):
    """A value cannot be changed as an op says. The reason holds nothing of the value itself, which
    may be about a person.
    """

    def __init__(self, version: int, op: str, reason: str, *, down: bool) -> None:
        super().__init__(version, op, reason, down)
        self.hop = (version, version - 1) if down else (version - 1, version)
        """The versions before and after, in the direction it went."""
        self.op = op
        self.reason = reason


# Of every step `version` is the newer one of the hop, `op` what the spec says; `down` if it is
# undone. Each raises a `StepError` for a value that it cannot change.


def enum_map(
    version: int, op: str, values: Mapping[str, str], *, down: bool = False
) -> Callable[[Any], str]:
    """An enum's value for another one's. It refuses a value that nothing stands for."""
    known = dict(values)

    def mapped(value: Any) -> str:
        try:
            return known[value]
        except (KeyError, TypeError):
            reason = "it tells nothing that stands for this value"
            raise StepError(version, op, reason, down=down) from None

    return mapped


def conversion(version: int, op: str, name: str, *, down: bool = False) -> Callable[[Any], Any]:
    """A value of one type for another's, by a named conversion."""
    convert = CONVERSIONS[name].function

    def converted(value: Any) -> Any:
        try:
            return convert(value)
        except (ValueError, TypeError, ArithmeticError) as error:
            reason = f"it cannot convert this value ({type(error).__name__})"
            raise StepError(version, op, reason, down=down) from error

    return converted


def first_item(version: int, op: str, *, down: bool = False) -> Callable[[Any], Any]:
    """The first item of a list that should not be empty."""

    def first(items: Any) -> Any:
        if not items:
            raise StepError(version, op, "the list is empty", down=down)
        return items[0]

    return first


def custom_function(
    version: int,
    op: str,
    function: Callable[[Fields], Fields],
    *due: str,
    down: bool = False,
) -> Upcast:
    """What a function of the team's own makes of the fields; it is given a copy.

    Whatever it raises is its failure, as when it returns no dict, not all that is `due`, or what
    is no JSON.
    """

    def refusal(reason: str) -> StepError:
        return StepError(version, op, reason, down=down)

    def called(fields: Fields) -> Fields:
        try:
            made = function(deepcopy(fields))  # what it changes is its own
        except Exception as error:  # a team's own function can raise anything
            raise refusal(f"the function raised {type(error).__name__}") from error
        if not isinstance(made, dict):
            raise refusal(f"it returned {type(made).__name__}; a dict is due")
        if missing := [name for name in due if name not in made]:
            raise refusal(f"it returned no {', no '.join(missing)}")
        try:
            plain: Fields = from_json(to_json(made))  # what comes after may rely on plain JSON
        except ValueError as error:
            raise refusal("it returned what cannot be written as JSON") from error
        return plain

    return called


def computation(version: int, op: str, *, down: bool = False) -> Callable[[Callable[[], Any]], Any]:
    """What an expression of the spec comes to. It refuses values that do not go together, and a
    divisor of 0.
    """

    def computed(compute: Callable[[], Any]) -> Any:
        try:
            return compute()
        except (ArithmeticError, TypeError, ValueError, AttributeError) as error:
            reason = f"it cannot be computed ({type(error).__name__})"
            raise StepError(version, op, reason, down=down) from error

    return computed


def joined(sep: str, *parts: str) -> str:
    """Texts put together, without a separator before an empty tail."""
    end = len(parts)
    while end > 1 and not parts[end - 1]:
        end -= 1
    return sep.join(parts[:end])


def parted(whole: str, sep: str, count: int) -> list[str]:
    """A text taken apart at the first separators into `count` parts; missing ones are empty."""
    parts = whole.split(sep, count - 1)
    return parts + [""] * (count - len(parts))


def text(value: Any) -> str:
    """A value as it stands in a text: `true` and `false` for booleans, `null` for nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
