"""Types: what they refer to, that values of them exist, and what a tagged union needs."""

from __future__ import annotations

from collections.abc import Iterator

from ..grammar import (
    SCALARS,
    EnumType,
    Named,
    ObjectType,
    TypeExpression,
    UnionType,
    named_types,
)
from ..load import Mapping, Place, at, listed, names
from ..names import type_name
from .scope import Scope

__all__ = ["RULES"]

# What other languages call our types.
_FOREIGN = {
    "any": "json",
    "array": "list<string>",
    "binary": "bytes",
    "boolean": "bool",
    "char": "string",
    "dict": "map<string>",
    "double": "float",
    "guid": "uuid",
    "int32": "int",
    "int64": "int",
    "integer": "int",
    "long": "int",
    "money": "decimal",
    "number": "float",
    "object": "json",
    "str": "string",
    "text": "string",
    "timedelta": "duration",
    "timestamp": "datetime",
    "url": "uri",
    "varchar": "string",
}


def types_exist(scope: Scope) -> None:
    """HW401: every type that is mentioned is built in or declared."""
    known = scope.types | set(SCALARS)
    for expression in scope.type_expressions():
        for named in named_types(expression):
            if named.name in scope.types:
                continue
            foreign = _FOREIGN.get(named.name.lower())
            better = foreign or scope.suggest(named.name, known)
            hint = f'did you mean "{better}"?' if better else "declare it under types"
            scope.add(named.place, "HW401", f'there is no type "{named.name}"', hint)
    for _, union in scope.unions():
        for member, place in _members(union):
            if member not in known:
                scope.unknown(place, "HW401", "type", member, scope.types)


def members_are_objects(scope: Scope) -> None:
    """HW409: a tagged union is made of objects."""
    for _, union in scope.unions():
        for member, place in _members(union):
            declaration = scope.declaration(member)
            if isinstance(declaration, EnumType | UnionType) or member in SCALARS:
                kind = {EnumType: "an enum", UnionType: "a tagged union"}.get(
                    type(declaration), "a built-in type"
                )
                message = f'"{member}" is {kind}; a tagged union is made of objects'
                scope.add(place, "HW409", message, "put it into a field of an object")


def tags_are_free(scope: Scope) -> None:
    """HW410: no member of a tagged union has a field with the tag's name."""
    for name, union in scope.unions():
        for member, _ in _members(union):
            declaration = scope.declaration(member)
            if isinstance(declaration, ObjectType) and union.tag in names(
                declaration.node, "fields"
            ):
                fields = at(declaration.node, "fields")
                entry = fields.entry(union.tag) if isinstance(fields, Mapping) else None
                place = entry.key if entry else fields
                message = f'field "{union.tag}" of {member} has the name of the tag of {name}'
                hint = "the tag is added to every member; rename one of them"
                scope.add(place, "HW410", message, hint)


def objects_have_one_tag(scope: Scope) -> None:
    """HW411: an object that is in several tagged unions has the same tag in all."""
    tags: dict[str, tuple[str, str]] = {}
    for name, union in scope.unions():
        for member, place in _members(union):
            first, tag = tags.setdefault(member, (name, union.tag))
            if tag != union.tag:
                message = f'{member} is tagged "{tag}" in {first} and "{union.tag}" in {name}'
                scope.add(place, "HW411", message, "use one tag for both")


def types_end(scope: Scope) -> None:
    """HW412: a type contains itself only where a value may do without."""
    edges = {name: list(_needs(scope, name)) for name in scope.spec.types}
    done: set[str] = set()
    for start in edges:
        path: list[tuple[str, str, Place]] = []
        cycle = _cycle(start, edges, done, path, {start: 0})
        if cycle:
            steps = " → ".join(f"{owner}.{label}" if label else owner for owner, label, _ in cycle)
            message = f"{cycle[0][0]} contains itself: {steps} → {cycle[0][0]}"
            hint = "a value of it would have no end; use T | null, list<T> or map<T> on the way"
            place = next((place for _, label, place in cycle if label), cycle[0][2])
            scope.add(place, "HW412", message, hint)


def _cycle(
    start: str,
    edges: dict[str, list[tuple[str, str, Place]]],
    done: set[str],
    path: list[tuple[str, str, Place]],
    depth: dict[str, int],
) -> list[tuple[str, str, Place]] | None:
    """Walk down from a type, without recursion; return the first way back onto itself."""
    if start in done:
        return None
    stack = [(start, iter(edges.get(start, ())))]
    while stack:
        name, rest = stack[-1]
        step = next(rest, None)
        if step is None:
            done.add(name)
            stack.pop()
            del depth[name]
            if path:
                path.pop()
            continue
        target, label, place = step
        if target in depth:
            cycle = [*path[depth[target] :], (name, label, place)]
            done.update(depth)
            return cycle
        if target not in done and target in edges:
            path.append((name, label, place))
            depth[target] = len(path)
            stack.append((target, iter(edges[target])))
    return None


def _needs(scope: Scope, name: str) -> Iterator[tuple[str, str, Place]]:
    """Yield the types that every value of a type contains: target, field, place."""
    declaration = scope.spec.types[name]
    if isinstance(declaration, ObjectType):
        for field_name, one in declaration.fields.items():
            expression: TypeExpression = one.type
            if isinstance(expression, Named):
                yield expression.name, field_name, expression.place
    elif isinstance(declaration, UnionType):
        for member, place in _members(declaration):
            yield member, "", place


def _members(union: UnionType) -> Iterator[tuple[str, Place]]:
    return listed(union.node, "one_of", union.members, type_name)


RULES = (types_exist, members_are_objects, tags_are_free, objects_have_one_tag, types_end)
