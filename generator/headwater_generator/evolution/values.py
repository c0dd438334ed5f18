"""Values of a shape, as JSON: whether one is, and one to show."""

from __future__ import annotations

from ..grammar import JSON, Unset
from ..grammar.wire import is_wire_text
from .shapes import (
    EnumShape,
    ListShape,
    LiteralShape,
    MapShape,
    NullableShape,
    ObjectShape,
    RecursiveShape,
    ScalarShape,
    Shape,
    UnionShape,
    show_shape,
)

__all__ = ["fault", "sample"]

_TEXTS = frozenset(
    {"string", "decimal", "uuid", "date", "time", "datetime", "duration", "bytes", "email", "uri"}
)


def fault(value: JSON, shape: Shape) -> str | None:
    """Return why a value is none of a shape; None if it is one."""
    match shape:
        case NullableShape(item=item):
            return None if value is None else fault(value, item)
        case ScalarShape():
            return _scalar_fault(value, shape)
        case EnumShape(values=values):
            return None if value in values else _not(value, shape)
        case ListShape(item=item):
            if not isinstance(value, list):
                return _not(value, shape)
            return next((why for one in value if (why := fault(one, item))), None) or _limit_fault(
                value, shape
            )
        case MapShape(item=item):
            if not isinstance(value, dict):
                return _not(value, shape)
            return next(
                (why for one in value.values() if (why := fault(one, item))), None
            ) or _limit_fault(value, shape)
        case ObjectShape():
            return _object_fault(value, shape)
        case UnionShape(tag=tag, members=members):
            name = value.get(tag) if isinstance(value, dict) else None
            if not isinstance(name, str) or name not in members or not isinstance(value, dict):
                return _not(value, shape)
            rest = {key: one for key, one in value.items() if key != tag}
            return _object_fault(rest, members[name])
        case RecursiveShape():
            return None
        case LiteralShape(values=values):
            return None if value in values else _not(value, shape)


def _object_fault(value: JSON, shape: ObjectShape) -> str | None:
    if not isinstance(value, dict):
        return _not(value, shape)
    for name, one in shape.fields.items():
        if name not in value:
            if one.is_required:
                return f'"{name}" is missing'
        elif why := fault(value[name], one.shape):
            return f"{name}: {why}"
    extra = next((name for name in value if name not in shape.fields), None)
    return f'{show_shape(shape)} has no "{extra}"' if extra else None


def _scalar_fault(value: JSON, shape: ScalarShape) -> str | None:
    name = shape.type
    if name == "json":
        fits = True
    elif name == "bool":
        fits = isinstance(value, bool)
    elif name == "int":
        fits = isinstance(value, int) and not isinstance(value, bool)
    elif name == "float":
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = isinstance(value, str) and is_wire_text(name, value)
    if not fits:
        return _not(value, shape)
    return _limit_fault(value, shape)


def _limit_fault(value: JSON, shape: ScalarShape | ListShape | MapShape) -> str | None:
    from ..grammar.limits import meets

    match shape:
        case ScalarShape(type=kind):
            pass
        case ListShape():
            kind = "list"
        case MapShape():
            kind = "map"
    for name, limit in shape.constraints.items():
        if not meets(value, kind, name, limit):
            return f"{_shown(value)} does not meet {name}: {limit}"
    return None


def _not(value: JSON, shape: Shape) -> str:
    return f"{_shown(value)} is no value of {show_shape(shape)}"


def _shown(value: JSON) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"


_SAMPLES: dict[str, JSON] = {
    "string": "text",
    "int": 1,
    "float": 0.5,
    "bool": True,
    "decimal": "12.50",
    "uuid": "0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10",
    "date": "2024-05-01",
    "time": "12:30:00",
    "datetime": "2024-05-01T12:00:00Z",
    "duration": "PT90S",
    "bytes": "aGVsbG8=",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "json": {"any": [1, None]},
}


def sample(shape: Shape, name: str = "") -> JSON:
    """Return a value of the shape, always the same one; a text says which field it is of.

    A pattern is not looked into, so a text that has one may not meet it.
    """
    match shape:
        case ScalarShape(type=kind, constraints=constraints):
            return _sample_scalar(kind, constraints, name)
        case EnumShape(values=values):
            return values[0]
        case ObjectShape(fields=fields):
            return {key: _sample_field(one.shape, one.default, key) for key, one in fields.items()}
        case UnionShape(tag=tag, members=members):
            first = next(iter(members))
            inner = sample(members[first], name)
            return {tag: first, **(inner if isinstance(inner, dict) else {})}
        case ListShape(item=item, constraints=constraints):
            least = constraints.get("minItems")
            count = max(1, least) if isinstance(least, int) else 1
            unique = constraints.get("uniqueItems") is True
            return [sample(item, f"{name} {n + 1}" if unique or n else name) for n in range(count)]
        case MapShape(item=item):
            return {"key": sample(item, name)}
        case NullableShape(item=item):
            return None if isinstance(item, RecursiveShape) else sample(item, name)
        case RecursiveShape():
            return None
        case LiteralShape(values=values):
            return values[0] if values else None


def _sample_field(shape: Shape, default: JSON | Unset, name: str) -> JSON:
    if isinstance(shape, ListShape | MapShape) and _is_recursive(shape.item):
        return [] if isinstance(shape, ListShape) else {}
    if isinstance(shape, ScalarShape) and "pattern" in shape.constraints:
        return default if not isinstance(default, Unset) else sample(shape, name)
    return sample(shape, name)


def _is_recursive(shape: Shape) -> bool:
    return isinstance(shape, RecursiveShape) or (
        isinstance(shape, NullableShape) and _is_recursive(shape.item)
    )


def _sample_scalar(kind: str, constraints: object, name: str) -> JSON:
    limits = constraints if isinstance(constraints, dict) else dict(constraints)  # type: ignore[call-overload]  # a read-only mapping
    value = _SAMPLES[kind]
    if kind == "string":
        text = name.replace("_", " ") or "text"
        least, most = limits.get("minLength", 0), limits.get("maxLength", len(text) + 1)
        return text.ljust(least, ".")[: max(most, least)]
    if kind in {"int", "float", "decimal"}:
        return _sample_number(kind, limits)
    return value


def _sample_number(kind: str, limits: dict[str, int | float]) -> JSON:
    step = limits.get("multipleOf", 1)
    number = float(limits.get("minimum", limits.get("exclusiveMinimum", 0) + step))
    highest = limits.get("maximum", limits.get("exclusiveMaximum"))
    if highest is not None and "minimum" not in limits and "exclusiveMinimum" not in limits:
        number = float(highest) - (step if "exclusiveMaximum" in limits else 0)
    number = -(-number // step) * step if number % step else number
    if kind == "int":
        return int(number)
    return number if kind == "float" else str(int(number) if number.is_integer() else number)
