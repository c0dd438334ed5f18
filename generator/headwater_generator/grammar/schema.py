"""The grammar as JSON Schema, for editors: they complete keys, show meanings and mark mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .declare import X_KEYS, Model, keys_of
from .spec import SharedTypes, Spec
from .types import SCALARS

__all__ = ["models", "schema"]


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a spec's file, or of a file of shared types.

    A file in a spec's folder holds a part of it, so no key of a spec is required here.
    """
    definitions: dict[str, Any] = {
        "type": {
            "type": "string",
            "description": "A type: " + ", ".join(SCALARS) + ", list<T>, map<T>, T | null, or a "
            "name from types.",
            "examples": [*SCALARS, "list<string>", "map<int>", "string | null"],
            "pattern": r"^\s*[A-Za-z]",
        }
    }
    for model in models():
        definitions[model.__name__] = _model(model)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Headwater spec",
        **_model(Spec, required=False),
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def models() -> Iterator[type[Model]]:
    """Yield every model below a spec, each before what it is made of."""
    waiting: list[type[Model]] = [Spec]
    seen: set[type[Model]] = {Spec}
    while waiting:
        model = waiting.pop(0)
        if model not in {Spec, SharedTypes}:
            yield model
        for key in keys_of(model).values():
            for part in key.shape.parts():
                if part not in seen:
                    seen.add(part)
                    waiting.append(part)


def _model(model: type[Model], *, required: bool = True) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for key in keys_of(model).values():
        default = f" Default: {key.default}." if key.default else ""
        shape = key.shape.schema()
        described = {"description": (key.meaning + default).replace("`", "")}
        properties[key.name] = described | shape
    result: dict[str, Any] = {
        "type": "object",
        "description": (model.__doc__ or "").split("\n\n")[0].replace("`", ""),
        "properties": properties,
        "patternProperties": {X_KEYS: {}},
        "additionalProperties": False,
    }
    needed = [key.name for key in keys_of(model).values() if key.required]
    if required and needed:
        result["required"] = needed
    if model.EXACTLY_ONE:
        result["oneOf"] = [{"required": [name]} for name in model.EXACTLY_ONE]
    return result
