"""What a recorded event holds, without what is about a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headwater.errors import UnreadableEventError
from headwater.events import Data, RecordedEvent
from headwater.evolution import Registry

__all__ = ["HIDDEN", "data_of", "masked_data_of"]

HIDDEN = "***"


def data_of(event: RecordedEvent) -> dict[str, Any]:
    """The event's fields as they are recorded."""
    data = json.loads(event.data)
    return data if isinstance(data, dict) else {}


def masked_data_of(event: RecordedEvent, registry: Registry) -> dict[str, Any]:
    """The event's fields, `***` for those that the spec marks `personal`.

    Of an event that the service does not know, nobody can tell which are: all are hidden.
    """
    data = data_of(event)
    try:
        model = registry.decode(event)
    except UnreadableEventError:
        return dict.fromkeys(data, HIDDEN)
    return _masked(model, data)


def _masked(model: Data, data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a model, in the data's order. What the model does not know is hidden as well."""
    names = {field.alias or name: name for name, field in type(model).model_fields.items()}
    return {
        key: _shown(getattr(model, names[key]), value)
        if key in names and names[key] not in model.__personal_fields__
        else HIDDEN
        for key, value in data.items()
    }


def _shown(value: Any, data: Any) -> Any:
    if isinstance(value, Data):
        return _masked(value, data)
    if isinstance(value, list | tuple) and isinstance(data, list):
        return [_shown(*pair) for pair in zip(value, data, strict=True)]
    if isinstance(value, Mapping) and isinstance(data, Mapping):
        return {
            key: _shown(value[key], item) if key in value else item for key, item in data.items()
        }
    return data
