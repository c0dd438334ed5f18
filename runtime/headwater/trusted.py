"""Read what was recorded without repeating the costly checks that it passed when it was made.

Types, enums and bounds are checked as always. Left out is what looks into a text or compares items
(`email`, `uri`, unique items): many times the cost of everything else, and it could only refuse an
event that is history already, when a later version of a library has become stricter.
"""

from __future__ import annotations

from typing import Any

from pydantic import EmailStr
from pydantic_core import SchemaValidator

from .events import CHECKED_WHEN_MADE, Event

__all__ = ["trusting_validator"]

_CHECK_EMAIL = getattr(EmailStr, "_validate", None)
_NO_SCHEMAS = frozenset({"metadata", "config", "serialization", "default", "members", "expected"})


def trusting_validator(event: type[Event]) -> SchemaValidator:
    """What makes the event of bytes that were recorded."""
    event.model_rebuild()
    make: Any = SchemaValidator
    try:
        # Otherwise it would take the validators that the classes have already.
        trusting: SchemaValidator = make(
            _rewritten(event.__pydantic_core_schema__), None, _use_prebuilt=False
        )
    except TypeError:  # a pydantic without this switch: checks once more, and does no harm
        return event.__pydantic_validator__  # type: ignore[return-value]
    return trusting


def _rewritten(part: Any) -> Any:
    if isinstance(part, dict):
        if part.get("type") == "function-after" and _is_costly(part["function"]["function"]):
            return _rewritten(part["schema"])
        return {
            key: value if key in _NO_SCHEMAS else _rewritten(value) for key, value in part.items()
        }
    if isinstance(part, list):
        return [_rewritten(one) for one in part]
    if isinstance(part, tuple):
        return tuple(_rewritten(one) for one in part)
    return part


def _is_costly(function: Any) -> bool:
    return function in CHECKED_WHEN_MADE or function == _CHECK_EMAIL
