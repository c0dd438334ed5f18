"""What generated upcasts call where a value may refuse to be changed.

A step knows the hop and the op that it stands for, so that an event that cannot be brought to
another version says where it got stuck.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypeAlias

from headwater.events import RecordedEvent
from headwater.schema.conversions import CONVERSIONS
from pydantic_core import from_json, to_json

__all__ = [
    "Computation",
    "Conversion",
    "EnumMap",
    "Envelope",
    "Fields",
    "FirstItem",
    "Function",
    "NoEnvelope",
    "NoEnvelopeError",
    "StepError",
    "Upcast",
    "Upcasting",
    "joined",
    "parted",
    "text",
]

Fields: TypeAlias = dict[str, Any]
"""An event's data as JSON: what a version's fields are on the wire."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is recorded beside an event, as it is on the wire: what `from_envelope` takes from."""

    id: str
    time: str
    """When it was recorded, RFC 3339 in UTC."""
    workflow_id: str

    @classmethod
    def of(cls, recorded: RecordedEvent) -> Envelope:
        """The envelope of a recorded event. Most upcasts take nothing from it, so that its texts
        are made when they are asked for.
        """
        return _EnvelopeOf(recorded)


class _EnvelopeOf(Envelope):
    __slots__ = ("_recorded",)
    _recorded: RecordedEvent

    __setattr__ = object.__setattr__  # a frozen dataclass has a slow one

    def __init__(self, recorded: RecordedEvent) -> None:
        self._recorded = recorded

    @property
    def id(self) -> str:
        return str(self._recorded.id)

    @property
    def time(self) -> str:
        return self._recorded.recorded_at.astimezone(UTC).isoformat().replace("+00:00", "Z")

    @property
    def workflow_id(self) -> str:
        return self._recorded.workflow_id


class NoEnvelopeError(LookupError):
    """What an op wants is in an envelope, and there is none."""


class NoEnvelope(Envelope):
    """Stands where no envelope was given: whoever takes something from it is told so."""

    def __init__(self) -> None:
        super().__init__("", "", "")

    def __getattribute__(self, name: str) -> Any:
        """Nothing but the error."""
        raise NoEnvelopeError(f"no envelope was given to take {name} from")


Upcast: TypeAlias = Callable[[Fields, Envelope], Fields]
"""Makes the fields of one version out of those of another, up or down. The dict that goes in stays
as it is; what is in it may be in the one that comes out, too."""

Upcasting: TypeAlias = Mapping[tuple[str, int, int], Upcast]
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


class _Step:
    """`version` is the newer one of the hop, `op` what the spec says; `down` if it is undone."""

    def __init__(self, version: int, op: str, *, down: bool = False) -> None:
        self._version = version
        self._op = op
        self._down = down

    def _refuse(self, reason: str) -> StepError:
        return StepError(self._version, self._op, reason, down=self._down)


class EnumMap(_Step):
    """An enum's value for another one's."""

    def __init__(
        self, version: int, op: str, values: Mapping[str, str], *, down: bool = False
    ) -> None:
        super().__init__(version, op, down=down)
        self._values = dict(values)

    def __call__(self, value: Any) -> str:
        """What stands for the value.

        Raises:
            StepError: Nothing does.
        """
        try:
            return self._values[value]
        except (KeyError, TypeError):
            raise self._refuse("it tells nothing that stands for this value") from None


class Conversion(_Step):
    """A value of one type for another's, by a named conversion."""

    def __init__(self, version: int, op: str, name: str, *, down: bool = False) -> None:
        super().__init__(version, op, down=down)
        self._convert = CONVERSIONS[name].function

    def __call__(self, value: Any) -> Any:
        """The converted value.

        Raises:
            StepError: It cannot be converted.
        """
        try:
            return self._convert(value)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise self._refuse(f"it cannot convert this value ({type(error).__name__})") from error


class FirstItem(_Step):
    """The first item of a list that should not be empty."""

    def __call__(self, items: Any) -> Any:
        """The item.

        Raises:
            StepError: There is none.
        """
        if not items:
            raise self._refuse("the list is empty")
        return items[0]


class Function(_Step):
    """A function of the team's own; whatever it raises is its failure. `due` must be returned."""

    def __init__(
        self,
        version: int,
        op: str,
        function: Callable[[Fields], Fields],
        *due: str,
        down: bool = False,
    ) -> None:
        super().__init__(version, op, down=down)
        self._function = function
        self._due = due

    def __call__(self, fields: Fields) -> Fields:
        """What the function makes of the fields.

        Raises:
            StepError: It raised, or returned no dict, not all that is due, or what is no JSON.
        """
        try:
            made = self._function(deepcopy(fields))  # what it changes is its own
        except Exception as error:  # a team's own function can raise anything
            raise self._refuse(f"the function raised {type(error).__name__}") from error
        if not isinstance(made, dict):
            raise self._refuse(f"it returned {type(made).__name__}; a dict is due")
        if missing := [name for name in self._due if name not in made]:
            raise self._refuse(f"it returned no {', no '.join(missing)}")
        try:
            plain: Fields = from_json(to_json(made))  # what comes after may rely on plain JSON
        except ValueError as error:
            raise self._refuse("it returned what cannot be written as JSON") from error
        return plain


class Computation(_Step):
    """What an expression of the spec comes to."""

    def __call__(self, compute: Callable[[], Any]) -> Any:
        """The result.

        Raises:
            StepError: The values do not go together, or a divisor is 0.
        """
        try:
            return compute()
        except (ArithmeticError, TypeError, ValueError, AttributeError) as error:
            raise self._refuse(f"it cannot be computed ({type(error).__name__})") from error


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
