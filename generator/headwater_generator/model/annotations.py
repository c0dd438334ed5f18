"""Field types as pydantic annotations: datamodel-code-generator writes them, we take them out.

The library is asked about forms (`forms`): all of a run that are not cached go through it in one
call, as the fields of one class, with representative values for constraints. The annotations are
taken from the syntax tree of its answer, nothing is accepted that the form does not account for,
and the values of the spec are put in by us.

The cache is keyed by the library's version, its options and the form, so most changes of a spec
ask nothing. It may be deleted at any time.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..grammar import Field, ListOf, MapOf, Named, Nullable, Scalar, TypeExpression
from .forms import KEYWORDS, REPRESENTATIVES, SCALARS, Form
from .literals import literal

__all__ = ["Annotation", "AnnotationError", "Annotations"]

CACHE_LIMIT = 1_000  # forms kept; those in use are, however many

_FORMAT = 2  # of the cache; 1 was one answer a definition, with the values of the spec
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


class Annotations:
    """Answers of the library, by form; known ones are read from the cache's file, if there is one.

    `resolve` makes the answers for many forms at once, the other methods then hand them out.
    """

    def __init__(self, cache: Path | None = None, *, read_only: bool = False) -> None:
        self._cache = cache
        self._read_only = read_only
        self._answers: dict[str, _Answer] = {}

    def resolve(self, forms: Iterable[Form]) -> int:
        """Make sure of an answer for each form; return how many were asked for, in one call.

        Raises:
            AnnotationError: The library's answer is not what was asked for.
        """
        wanted = {form.text: form for form in forms}
        edition = _edition()
        cached = _read_cache(self._cache) if self._cache else {}
        used: dict[str, str] = {}
        missing: list[Form] = []
        for form in wanted.values():
            key = f"{edition} {form.text}"
            try:
                self._answers[form.text] = _Answer.read(cached.get(key, ""), form)
            except AnnotationError:
                missing.append(form)
            else:
                used[key] = cached[key]
        if missing:
            for form, text in zip(missing, _ask(missing), strict=True):
                self._answers[form.text] = _Answer.read(text, form)
                used[f"{edition} {form.text}"] = text
            if self._cache and not self._read_only:
                others = {key: text for key, text in cached.items() if key not in used}
                _write_cache(self._cache, others, used)
        return len(missing)

    def of_field(self, field: Field) -> Annotation:
        """Return the annotation of a field, the null of the field itself left out."""
        form, references = Form.of_field(field)
        answer = self._answers[form.text]
        constraints = [
            (KEYWORDS[name], literal(_as_float(field.constraints[name], is_float=is_float)))
            for name, is_float in answer.constraints
        ]
        return Annotation(answer.type, tuple(constraints), references)

    def of_union(self, members: Sequence[str]) -> Annotation:
        """Return a union as an expression."""
        form, references = Form.of_union(members)
        return Annotation(self._answers[form.text].type, (), references)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the library made of a form."""

    type: ast.expr
    constraints: tuple[tuple[str, bool], ...]
    """Names, as the spec has them, and whether the library writes their whole numbers as floats."""

    @classmethod
    def read(cls, text: str, form: Form) -> _Answer:
        """Read an annotation.

        Raises:
            AnnotationError: Something in it is not accounted for by the form: another type, call,
                argument or value.
        """
        try:
            tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise AnnotationError(f"not an annotation: {text[:80]!r}") from error
        arguments: list[ast.keyword] = []
        match tree:
            case ast.Subscript(
                value=ast.Name(id="Annotated"),
                slice=ast.Tuple(
                    elts=[inner, ast.Call(func=ast.Name(id="Field"), args=[], keywords=arguments)]
                ),
            ):
                tree = inner
        if not _is_union(tree, form.members):
            raise AnnotationError(f"expected {form.text}, got {ast.unparse(tree)[:80]}")
        found = {argument.arg: argument.value for argument in arguments}
        if len(arguments) != len(form.constraints):
            raise AnnotationError(f"expected {form.text}, got {list(found)}")
        constraints = [
            (name, _is_float(found.get(KEYWORDS[name]), name)) for name in form.constraints
        ]
        if form.members != (Scalar("float"),) and any(is_float for _, is_float in constraints):
            raise AnnotationError(f"expected {form.text}, got floats")
        return cls(tree, tuple(constraints))


def _is_union(tree: ast.expr, members: Sequence[TypeExpression]) -> bool:
    *others, last = members
    match tree:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right) if others:
            return _is_union(left, others) and _is_type(right, last)
        case _:
            return not others and _is_type(tree, last)


def _is_type(tree: ast.expr, expression: TypeExpression) -> bool:
    match expression, tree:
        case Scalar(name=name), ast.Name(id=text):
            return text == SCALARS[name][1]
        case Named(name=name), ast.Name(id=text):
            return text == name
        case ListOf(item=item), ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return _is_type(inner, item)
        case (
            MapOf(item=item),
            ast.Subscript(
                value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), inner])
            ),
        ):
            return _is_type(inner, item)
        case (
            Nullable(item=item),
            ast.BinOp(left=inner, op=ast.BitOr(), right=ast.Constant(value=None)),
        ):
            return _is_type(inner, item)
        case _:
            return False


def _is_float(node: ast.expr | None, name: str) -> bool:
    """Tell whether a representative is written as a float; refuse anything else than it."""
    match node:
        case ast.Constant(value=value) if value == REPRESENTATIVES[name]:
            return isinstance(value, float)
        case _:
            shown = "nothing" if node is None else ast.unparse(node)[:80]
            raise AnnotationError(f"expected {name} {REPRESENTATIVES[name]!r}, got {shown}")


def _as_float(value: object, *, is_float: bool) -> object:
    """Return a whole number as a float, unless that would be another number."""
    if is_float and isinstance(value, int) and float(value) == value:
        return float(value)
    return value


def _edition() -> str:
    """Tell the answers of this library, asked in this way, from any others."""
    asked = [_FORMAT, *_library(), SCALARS, REPRESENTATIVES]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def _library() -> list[object]:
    return [version(_LIBRARY), _OPTIONS]


def _ask(forms: Sequence[Form]) -> list[str]:
    """Return an annotation for each form."""
    from datamodel_code_generator import GenerateConfig, InputFileType, generate
    from datamodel_code_generator.enums import DataModelType
    from datamodel_code_generator.format import PythonVersion

    names = [f"f{index}" for index in range(len(forms))]
    properties = dict(zip(names, (form.schema() for form in forms), strict=True))
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"Probe": {"type": "object", "properties": properties, "required": names}},
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
    classes = [node for node in ast.parse(str(text)).body if isinstance(node, ast.ClassDef)]
    if [one.name for one in classes] != ["Probe"]:
        raise AnnotationError(f"asked for one class, got {[one.name for one in classes][:5]}")
    found: list[tuple[str, str]] = []
    for node in classes[0].body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=None):
                found.append((name, ast.unparse(node.annotation)))
            case ast.Assign(targets=[ast.Name(id="model_config")]):
                continue
            case _:
                raise AnnotationError(f"unexpected in a class: {ast.unparse(node)[:80]}")
    if [name for name, _ in found] != names:
        raise AnnotationError(f"asked for {len(names)} fields, got {len(found)} or other names")
    return [text for _, text in found]


def _read_cache(path: Path) -> dict[str, str]:
    """Return what can be read; damaged lines and those of older formats are passed over."""
    answers: dict[str, str] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return answers
    for line in lines:
        try:
            key, answer = json.loads(line)
        except (ValueError, TypeError, RecursionError):
            continue
        if isinstance(key, str) and isinstance(answer, str):
            answers[key] = answer
    return answers


def _write_cache(path: Path, others: Mapping[str, str], used: Mapping[str, str]) -> None:
    from ..replacing import replace

    room = max(CACHE_LIMIT - len(used), 0)
    kept = [*list(others.items())[-room:], *used.items()] if room else list(used.items())
    lines = (json.dumps(one, separators=(",", ":")) for one in kept)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, "".join(f"{line}\n" for line in lines).encode())
    except OSError:
        return  # a cache that cannot be kept costs time and nothing else
