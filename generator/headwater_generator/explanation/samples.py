"""A payload on which ops show what they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.schema.conversions import CONVERSIONS

from ..evolution import FieldShape, NullableShape, ObjectShape, ScalarShape
from ..evolution.steps import Convert, MapValues, Split, Step
from ..evolution.values import fault, sample
from ..grammar import JSON

__all__ = ["ENVELOPE", "REFUSED", "telling_sample"]

REFUSED = (ValueError, TypeError, ArithmeticError, LookupError)  # what steps raise for a value


@dataclass(frozen=True, slots=True)
class _Envelope:
    id: str = "0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10"
    time: str = "2024-05-01T12:00:00Z"
    workflow_id: str = "7"


ENVELOPE = _Envelope()
"""What is recorded beside the sample."""


def telling_sample(shape: ObjectShape, steps: Sequence[Step]) -> dict[str, JSON]:
    """Return a payload of a shape, always the same one, that the steps can take and that tells.

    A text that is taken apart has parts, one that is converted can be, and an enum's value is one
    that the way has a place for. Where no such value is found, it is as any other sample.
    """
    made = sample(shape)
    fields = dict(made) if isinstance(made, dict) else {}
    seen: set[str] = set()
    for step in steps:
        if isinstance(step, Convert | MapValues | Split) and step.name not in seen:
            seen.add(step.name)
            if step.name in shape.fields:
                fields[step.name] = _suited(fields[step.name], step, shape.fields[step.name])
    return fields


def _suited(value: JSON, step: Convert | MapValues | Split, field: FieldShape) -> JSON:
    better: JSON
    match step:
        case Split(into=into, separator=separator):
            better = separator.join(into)
        case MapValues(table=table):
            better = value if value in dict(table) else next(iter(dict(table)), value)
        case Convert(conversion=name):
            better = _convertible(value, name)
    inner = field.shape.item if isinstance(field.shape, NullableShape) else field.shape
    return value if fault(better, inner) else better


def _convertible(value: JSON, name: str) -> JSON:
    """Return the value if the conversion takes it, else one that its way back makes."""
    there = CONVERSIONS[name]
    try:
        there.function(value)
    except REFUSED:
        made: JSON = CONVERSIONS[there.back].function(sample(ScalarShape(there.target)))
        return made
    return value
