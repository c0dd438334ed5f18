"""Field types as pydantic annotations: datamodel-code-generator writes them, we take them out.

Each definition of a spec (a type, an event, a command) becomes a small JSON Schema without any
name or prose of the spec: fields are `f0`, `f1`, other types `Ref0`, `Ref1`. All of a run that are
not cached go through the library in one call, the annotations are taken from the syntax tree of
its answer, and nothing is accepted that the schema does not account for.

The cache is keyed by the library's version, its options and the schema, so one changed event
among hundreds costs one definition. It may be deleted at any time.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..grammar import (
    Field,
    ListOf,
    MapOf,
    Named,
    Nullable,
    Scalar,
    TypeExpression,
)

__all__ = ["Annotation", "AnnotationError", "Annotations", "Shape"]

CACHE_LIMIT = 20_000  # definitions kept, the ones used last

_LIBRARY = "datamodel-code-generator"
_OPTIONS: dict[str, object] = {
    "use_annotated": True,
    "field_constraints": True,
    "strict_nullable": True,
    "use_standard_collections": True,
    "use_union_operator": True,
    "use_double_quotes": True,
    "skip_root_model": True,
    "disable_timestamp": True,
    "disable_future_imports": True,
    "formatters": [],
}
_SCALARS: dict[str, dict[str, str]] = {
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "decimal": {"type": "number", "format": "decimal"},
    "uuid": {"type": "string", "format": "uuid"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "datetime": {"type": "string", "format": "date-time"},
    "duration": {"type": "string", "format": "duration"},
    "bytes": {"type": "string", "format": "binary"},
    "email": {"type": "string", "format": "email"},
    "uri": {"type": "string", "customTypePath": "headwater.Uri"},
    "json": {"customTypePath": "pydantic.JsonValue"},
}
_TYPE_NAMES = frozenset(
    [
        "AwareDatetime",
        "Decimal",
        "EmailStr",
        "JsonValue",
        "UUID",
        "Uri",
        "bool",
        "bytes",
        "date",
        "dict",
        "float",
        "int",
        "list",
        "str",
        "time",
        "timedelta",
    ]
)
_KEYWORDS = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minProperties": "min_length",
    "maxProperties": "max_length",
}
_REFERENCE = re.compile(r"Ref[0-9]+")


class AnnotationError(Exception):
    """datamodel-code-generator answered something that its input does not account for.

    A fault of the generator or of the library's version, not of the spec; nothing was written.
    """


@dataclass(frozen=True, slots=True)
class Annotation:
    """The type of one field."""

    type: ast.expr
    """The expression; the spec's types in it are called `Ref0`, `Ref1`..."""
    constraints: tuple[tuple[str, str], ...]
    """Arguments of pydantic's `Field`: name and literal, in a settled order."""
    references: tuple[str, ...]
    """What `Ref0`, `Ref1`... stand for."""


class Shape:
    """What datamodel-code-generator is told of one definition."""

    def __init__(self, schema: dict[str, Any], references: tuple[str, ...]) -> None:
        self.schema = schema
        self.references = references
        text = json.dumps([_library(), schema], separators=(",", ":"), sort_keys=True)
        self.key = hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def of_fields(cls, fields: Iterable[Field]) -> Shape:
        """Describe an object: one property a field."""
        references: list[str] = []
        properties = {
            f"f{index}": _field_schema(field, references) for index, field in enumerate(fields)
        }
        schema = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        return cls(schema, tuple(references))

    @classmethod
    def of_enum(cls, values: Sequence[str]) -> Shape:
        """Describe an enum."""
        members = [f"M{index}" for index in range(len(values))]
        schema = {"type": "string", "enum": list(values), "x-enum-varnames": members}
        return cls(schema, ())

    @classmethod
    def of_union(cls, members: Sequence[str]) -> Shape:
        """Describe a union of objects."""
        references: list[str] = []
        schema = {"oneOf": [_type_schema(Named(member), references) for member in members]}
        return cls(schema, tuple(references))


class Annotations:
    """Answers of the library, by shape; known ones are read from the cache's file, if there is one.

    `resolve` makes the answers for many shapes at once, the other methods then hand them out.
    """

    def __init__(self, cache: Path | None = None, *, read_only: bool = False) -> None:
        self._cache = cache
        self._read_only = read_only
        self._answers: dict[str, tuple[str, ...]] = {}

    def resolve(self, shapes: Iterable[Shape]) -> int:
        """Make sure of an answer for each shape; return how many were asked for, in one call.

        Raises:
            AnnotationError: The library's answer is not what was asked for.
        """
        wanted = {shape.key: shape for shape in shapes}
        cached = _read_cache(self._cache) if self._cache else {}
        for key, shape in wanted.items():
            if key in cached and _fits(shape, cached[key]):
                self._answers[key] = cached[key]
        missing = [shape for key, shape in wanted.items() if key not in self._answers]
        if missing:
            for shape, answer in zip(missing, _ask(missing), strict=True):
                _verify(shape, answer)
                self._answers[shape.key] = answer
            if self._cache and not self._read_only:
                used = {key: self._answers[key] for key in wanted}
                others = {key: value for key, value in cached.items() if key not in used}
                _write_cache(self._cache, {**others, **used})
        return len(missing)

    def fields(self, shape: Shape) -> tuple[Annotation, ...]:
        """Return the annotations of an object's fields, in order."""
        return tuple(
            Annotation(*_parts(text), shape.references) for text in self._answers[shape.key]
        )

    def values(self, shape: Shape) -> tuple[str, ...]:
        """Return the values of an enum, in order."""
        return self._answers[shape.key]

    def union(self, shape: Shape) -> Annotation:
        """Return a union as an expression."""
        [text] = self._answers[shape.key]
        return Annotation(*_parts(text), shape.references)


def _field_schema(field: Field, references: list[str]) -> dict[str, Any]:
    # The null of the field itself is left out: the library makes a class of a constrained type
    # beside a null. `attributes` adds it outside.
    expression = field.type.item if isinstance(field.type, Nullable) else field.type
    constraints = {name: field.constraints[name] for name in _KEYWORDS if name in field.constraints}
    return _type_schema(expression, references) | constraints


def _type_schema(expression: TypeExpression, references: list[str]) -> dict[str, Any]:
    match expression:
        case Scalar(name=name):
            return dict(_SCALARS[name])
        case ListOf(item=item):
            return {"type": "array", "items": _type_schema(item, references)}
        case MapOf(item=item):
            return {"type": "object", "additionalProperties": _type_schema(item, references)}
        case Nullable(item=item):
            return {"anyOf": [_type_schema(item, references), {"type": "null"}]}
        case Named(name=name):
            if name not in references:
                references.append(name)
            return {"customTypePath": f"refs.Ref{references.index(name)}"}


@functools.cache
def _library() -> list[object]:
    return [version(_LIBRARY), _OPTIONS]


def _ask(shapes: Sequence[Shape]) -> list[tuple[str, ...]]:
    """Return an answer for each shape: annotations of its fields, its values, or its union."""
    from datamodel_code_generator import GenerateConfig, InputFileType, generate
    from datamodel_code_generator.enums import DataModelType
    from datamodel_code_generator.format import PythonVersion

    names = [f"Shape{index}" for index in range(len(shapes))]
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": dict(zip(names, (shape.schema for shape in shapes), strict=True)),
    }
    options: dict[str, Any] = dict(_OPTIONS)
    text = generate(
        json.dumps(document),
        config=GenerateConfig(
            input_file_type=InputFileType.JsonSchema,
            output_model_type=DataModelType.PydanticV2BaseModel,
            target_python_version=PythonVersion.PY_311,
            **options,
        ),
    )
    classes = {
        node.name: node for node in ast.parse(str(text)).body if isinstance(node, ast.ClassDef)
    }
    if classes.keys() != set(names):
        surprises = sorted(classes.keys() ^ set(names))
        raise AnnotationError(f"asked for {len(names)} classes, and these differ: {surprises[:5]}")
    return [_take(shape, classes[name]) for shape, name in zip(shapes, names, strict=True)]


def _take(shape: Shape, statement: ast.ClassDef) -> tuple[str, ...]:
    taken: list[tuple[str, str]] = []
    for node in statement.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=None):
                taken.append((name, ast.unparse(node.annotation)))
            case ast.Assign(targets=[ast.Name(id="model_config")]):
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                taken.append((name, value))
            case ast.Pass():
                continue
            case _:
                raise AnnotationError(f"unexpected in a class: {ast.unparse(node)[:80]}")
    names = [name for name, _ in taken]
    expected = (
        shape.schema.get("x-enum-varnames") or list(shape.schema.get("properties", ())) or names
    )
    if names != expected:
        raise AnnotationError(f"expected the names {expected[:5]}, got {names[:5]}")
    return tuple(text for _, text in taken)


def _fits(shape: Shape, answer: tuple[str, ...]) -> bool:
    try:
        _verify(shape, answer)
    except AnnotationError:
        return False
    return True


def _verify(shape: Shape, answer: tuple[str, ...]) -> None:
    """Refuse whatever the schema does not account for: another name, call, number or text."""
    if "enum" in shape.schema:
        if list(answer) != shape.schema["enum"]:
            raise AnnotationError("the values of an enum are not those of the spec")
        return
    properties = list(shape.schema.get("properties", {"": {}}).values())
    if len(answer) != len(properties):
        raise AnnotationError(f"expected {len(properties)} fields, got {len(answer)}")
    for text, schema in zip(answer, properties, strict=True):
        expected = {_KEYWORDS[name]: schema[name] for name in schema if name in _KEYWORDS}
        _, constraints = _parts(text)
        found = {name: ast.literal_eval(value) for name, value in constraints}
        if found != expected:
            raise AnnotationError(f"expected the constraints {expected}, got {found}")


@functools.cache
def _parts(text: str) -> tuple[ast.expr, tuple[tuple[str, str], ...]]:
    """Split an annotation into its type and its constraints; both are of the allowed form only."""
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise AnnotationError(f"not an annotation: {text[:80]!r}") from error
    constraints: tuple[tuple[str, str], ...] = ()
    match tree:
        case ast.Subscript(
            value=ast.Name(id="Annotated"),
            slice=ast.Tuple(
                elts=[inner, ast.Call(func=ast.Name(id="Field"), args=[], keywords=keywords)]
            ),
        ):
            tree = inner
            constraints = tuple(sorted(map(_constraint, keywords), key=_rank))
    _verify_type(tree)
    return tree, constraints


def _rank(constraint: tuple[str, str]) -> int:
    return list(_KEYWORDS.values()).index(constraint[0])


def _constraint(keyword: ast.keyword) -> tuple[str, str]:
    name = keyword.arg or ""
    try:
        ast.literal_eval(keyword.value)
    except ValueError as error:
        raise AnnotationError(f"not a constant: {ast.unparse(keyword)[:80]}") from error
    if name not in _KEYWORDS.values():
        raise AnnotationError(f"not a constraint: {ast.unparse(keyword)[:80]}")
    return name, ast.unparse(keyword.value)


def _verify_type(tree: ast.expr) -> None:
    match tree:
        case ast.Name(id=name) if name in _TYPE_NAMES or _REFERENCE.fullmatch(name):
            return
        case ast.Constant(value=None):
            return
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            _verify_type(left)
            _verify_type(right)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            _verify_type(item)
        case ast.Subscript(
            value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), item])
        ):
            _verify_type(item)
        case _:
            raise AnnotationError(f"unexpected in an annotation: {ast.unparse(tree)[:80]}")


def _read_cache(path: Path) -> dict[str, tuple[str, ...]]:
    """Return what can be read; damaged lines are passed over."""
    answers: dict[str, tuple[str, ...]] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return answers
    for line in lines:
        try:
            key, *answer = json.loads(line)
        except (ValueError, TypeError):
            continue
        if isinstance(key, str) and all(isinstance(text, str) for text in answer):
            answers[key] = tuple(answer)
    return answers


def _write_cache(path: Path, answers: Mapping[str, tuple[str, ...]]) -> None:
    from ..replacing import replace

    kept = list(answers.items())[-CACHE_LIMIT:]
    lines = (json.dumps([key, *answer], separators=(",", ":")) for key, answer in kept)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, "".join(f"{line}\n" for line in lines).encode())
    except OSError:
        return  # a cache that cannot be kept costs time and nothing else
