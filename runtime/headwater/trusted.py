"""Read what was recorded without repeating the costly checks that it passed when it was made.

Types, enums and bounds are checked as always. Left out is what looks into a text or compares items
(`email`, `uri`, unique items): many times the cost of everything else, and it could only refuse an
event that is history already, when a later version of a library has become stricter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import EmailStr
from pydantic_core import SchemaValidator, to_json

from .events import CHECKED_WHEN_MADE, Event

__all__ = ["trusting_maker", "trusting_validator"]

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


def trusting_maker(event: type[Event], validator: SchemaValidator) -> Callable[..., Event]:
    """What makes the event of fields that are plain JSON data, as `validator` does of their bytes.

    It is called with the fields and `extra`, as `validate_python` of pydantic is. The detour by way
    of bytes costs half as much again, and is taken only for what pydantic may not treat alike.
    """
    make: Any = SchemaValidator
    try:
        schema = _for_plain_data(_rewritten(event.__pydantic_core_schema__))
        direct: Callable[..., Event] = make(schema, None, _use_prebuilt=False).validate_python
    except (TypeError, _UnlikeJsonError):
        return lambda fields, extra: validator.validate_json(to_json(fields), extra=extra)
    return direct


class _UnlikeJsonError(Exception):
    """There is a kind of value that may be read in another way out of JSON."""


# Strict validation takes these for themselves only; out of JSON, the texts that stand for them.
_WRITTEN_AS_TEXT = frozenset({"uuid", "enum", "bytes", "decimal"})
# Numbers would stand for these, too, if they were not texts first.
_WRITTEN_AS_TEXT_ONLY = frozenset({"datetime", "date", "time", "timedelta"})
_ALIKE = frozenset(
    {
        *("model", "model-fields", "model-field", "definitions", "definition-ref", "default"),
        *("str", "int", "float", "bool", "none", "literal", "any"),
        *("nullable", "list", "dict", "tagged-union"),
    }
)


def _for_plain_data(part: Any) -> Any:
    if isinstance(part, dict):
        kind = part.get("type")
        if kind in _WRITTEN_AS_TEXT:
            return {**part, "strict": False}
        if kind in _WRITTEN_AS_TEXT_ONLY:
            text = {"type": "str", "strict": True}
            return {"type": "chain", "steps": [text, {**part, "strict": False}]}
        if kind == "json-or-python":
            ref = {"ref": part["ref"]} if "ref" in part else {}
            return _for_plain_data({**part["json_schema"], **ref})
        if isinstance(kind, str) and kind not in _ALIKE:
            raise _UnlikeJsonError
        return {
            key: value if key in _NO_SCHEMAS else _for_plain_data(value)
            for key, value in part.items()
        }
    if isinstance(part, list):
        return [_for_plain_data(one) for one in part]
    if isinstance(part, tuple):
        return tuple(_for_plain_data(one) for one in part)
    return part


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
