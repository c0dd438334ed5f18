"""Fields of the spec as attributes of a class: name, annotation and default as source text.

`module` is where the spec's types are imported from; `None` in the module that defines them.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from ..grammar import UNSET, Field, Nullable, named_types, tag_value
from ..names import python_name
from .annotations import Annotation
from .commands import result_of
from .facts import Facts
from .literals import default_of, literal
from .parts import Attribute
from .scope import Scope

__all__ = ["attributes", "result_text", "tag_attributes", "type_text"]


def attributes(
    facts: Facts,
    fields: Mapping[str, Field],
    scope: Scope,
    *,
    module: str | None = ".types",
    known: Collection[str] | None = None,
) -> tuple[Attribute, ...]:
    """Return the attributes of a class. `known`: types that need no quotes; `None` for all."""
    return tuple(
        Attribute(
            python_name(name),
            _annotation(name, field, annotation, scope, module, known),
            _default(facts, field, annotation, scope, module),
        )
        for name, field in fields.items()
        for annotation in [facts.annotations.of_field(field)]
    )


def tag_attributes(facts: Facts, name: str, scope: Scope) -> Iterator[Attribute]:
    """Yield what tells an object from the other members of its unions."""
    for tag in facts.tags.get(name, ()):
        attribute = python_name(tag)
        value = literal(tag_value(facts.spec.types, name))
        text = f"{scope['Literal']}[{value}]"
        if attribute != tag:
            text = f"{scope['Annotated']}[{text}, {scope['Field']}(alias={literal(tag)})]"
        yield Attribute(attribute, text, value)


def result_text(facts: Facts, command: str, scope: Scope, *, module: str) -> str:
    """Return the type of what executing a command returns."""
    result = result_of(facts.spec.commands[command])
    if result is None:
        return "None"
    text = type_text(facts.annotations.of_field(Field(type=result)), scope, module)
    return f"{text} | None" if isinstance(result, Nullable) else text


def type_text(annotation: Annotation, scope: Scope, module: str | None) -> str:
    """Return a type under the names of the module that it stands in."""

    def text(expression: ast.expr) -> str:
        match expression:
            case ast.Name(id=name) if name.startswith("Ref"):
                target = annotation.references[int(name.removeprefix("Ref"))]
                return scope.sibling(module, target) if module else target
            case ast.Name(id=name):
                return scope[name]
            case ast.BinOp(left=left, right=right):
                return f"{text(left)} | {text(right)}"
            case ast.Subscript(value=value, slice=ast.Tuple(elts=items)):
                return f"{text(value)}[{', '.join(map(text, items))}]"
            case ast.Subscript(value=value, slice=item):
                return f"{text(value)}[{text(item)}]"
            case _:
                return ast.unparse(expression)

    return text(annotation.type)


def _annotation(
    name: str,
    field: Field,
    annotation: Annotation,
    scope: Scope,
    module: str | None,
    known: Collection[str] | None,
) -> str:
    text = type_text(annotation, scope, module)
    if isinstance(field.type, Nullable):
        text = f"{text} | None"
    if known is not None and any(one.name not in known for one in named_types(field.type)):
        text = literal(text)  # refers to what stands below, or to itself
    arguments = list(annotation.constraints)
    if field.description:
        arguments.insert(0, ("description", literal(field.description)))
    if python_name(name) != name:
        arguments.insert(0, ("alias", literal(name)))
    metadata: list[str] = []
    if arguments:
        inner = ", ".join(f"{keyword}={value}" for keyword, value in arguments)
        metadata.append(f"{scope['Field']}({inner})")
    if field.constraints.get("uniqueItems"):
        metadata.append(scope["UniqueItems"])
    if field.personal:
        metadata.append(scope["Personal"])
    return f"{scope['Annotated']}[{', '.join([text, *metadata])}]" if metadata else text


def _default(
    facts: Facts, field: Field, annotation: Annotation, scope: Scope, module: str | None
) -> str | None:
    if field.default is UNSET:
        return "None" if isinstance(field.type, Nullable) else None
    default = default_of(
        field.type, field.default, types=facts.spec.types, scope=scope, types_module=module
    )
    if not default.is_mutable:
        return default.expression
    factory = {"[]": "list", "{}": "dict"}.get(default.expression)
    made = scope[factory] if factory else f"lambda: {default.expression}"
    if default.is_loose and not factory:
        # A literal alone has a type of its own: [1] is no list of int or None.
        container = type_text(annotation, scope, module)
        if isinstance(field.default, list) and container == scope["JsonValue"]:
            container = f"{scope['list']}[{container}]"
        elif container == scope["JsonValue"]:
            container = f"{scope['dict']}[{scope['str']}, {container}]"
        made = f"lambda: {container}({default.expression})"
    return f"{scope['Field']}(default_factory={made})"
