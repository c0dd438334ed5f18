"""The grammar as a reference for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from ..codes import CODES
from ..load import MAX_BYTES, MAX_DEPTH, MAX_LINES, MAX_TEXT
from ..names import MAX_NAME_LENGTH
from .declare import Model, anchor, keys_of
from .fields import CONSTRAINTS, MAX_FIELDS
from .scalars import MAX_INT
from .schema import models
from .spec import MAX_DECLARED, SharedTypes, Spec
from .types import SCALARS
from .words import MAX_VALUE_LENGTH

__all__ = ["reference"]

_MEANINGS = {
    "string": ("`str`", "text", '`"Ada"`'),
    "int": ("`int`", "whole number", "`42`"),
    "float": ("`float`", "number, never NaN or infinite", "`0.5`"),
    "bool": ("`bool`", "`true` or `false`", "`true`"),
    "decimal": ("`Decimal`", "text with the digits", '`"12.50"`'),
    "uuid": ("`UUID`", "text", '`"0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10"`'),
    "date": ("`date`", "ISO 8601", '`"2024-05-01"`'),
    "time": ("`time`", "ISO 8601", '`"12:30:00"`'),
    "datetime": ("`datetime`, always with a zone", "RFC 3339", '`"2024-05-01T12:00:00Z"`'),
    "duration": ("`timedelta`", "ISO 8601", '`"PT90S"`'),
    "bytes": ("`bytes`", "base64, standard alphabet", '`"aGVsbG8="`'),
    "email": ("`str`, checked", "text", '`"ada@example.com"`'),
    "uri": ("`str`, checked", "text, unchanged", '`"https://example.com/"`'),
    "json": ("`JsonValue`", "any JSON", '`{"any": [1, null]}`'),
}

_INTRODUCTION = """\
# Spec reference

Every key that a spec may have. This page is rendered from the grammar itself, and so is
[`headwater.schema.json`](headwater.schema.json), with which editors complete and check a spec:

```yaml
# yaml-language-server: $schema=../docs/headwater.schema.json
```

A spec is one YAML file, or a folder of files that are read as one: each name is declared in one of
them, `service` and `description` stand in one, and `headwater` may stand in each. A key that is
not listed here is an error; keys that begin with `x-` are yours. Aliases, merge keys and tags of
YAML are refused. Where a text is due, words such as `no`, `012` or `2024-05-01` need quotes.

Services, streams and subscriptions are `kebab-case`; types, workflows, events and commands
`PascalCase`; fields `snake_case`. Names are unique, also for those who do not tell upper from lower
case. A field whose name is taken in Python (`class`, `model_config`) is renamed there and keeps its
name on the wire. Durations are a whole number with a unit: `100ms`, `30s`, `5m`, `24h`, `90d`.

"""


def reference() -> str:
    """Return the reference as Markdown."""
    parts = [_INTRODUCTION, *_section(Spec)]
    for model in models():
        parts += _section(model)
    parts += _section(SharedTypes)
    parts += [*_types(), *_limits(), *_codes()]
    return "".join(parts).rstrip() + "\n"


def _section(model: type[Model]) -> Iterator[str]:
    title = anchor(model).replace("-", " ").capitalize()
    yield f"## {title}\n\n{_paragraphs(model)}\n\n"
    yield "| key | value | default | meaning |\n| --- | --- | --- | --- |\n"
    for key in keys_of(model).values():
        default = key.default or "required"
        if model.EXACTLY_ONE and key.name in model.EXACTLY_ONE:
            default = "one of these is required"
        cells = (f"`{key.name}`", key.shape.words, default, key.meaning)
        yield f"| {' | '.join(map(_cell, cells))} |\n"
    groups = model.EXAMPLES or (tuple(keys_of(model)),)
    what = ", in blocks of what goes together" if len(groups) > 1 else ""
    yield f"\nEach key with a value{what}:\n\n"
    for group in groups:
        yield f"```yaml\n{_example(model, group)}```\n\n"


def _example(model: type[Model], group: tuple[str, ...]) -> str:
    known = keys_of(model)
    return "".join(f"{known[name].example if name in known else name}\n" for name in group)


def _paragraphs(model: type[Model]) -> str:
    return "\n".join(line.strip() for line in (model.__doc__ or "").strip().splitlines())


def _types() -> Iterator[str]:
    yield "## Types of fields\n\n"
    yield "| type | in Python | on the wire (JSON) | such as | constraints |\n"
    yield "| --- | --- | --- | --- | --- |\n"
    for name in SCALARS:
        python, wire, example = _MEANINGS[name]
        yield f"| `{name}` | {python} | {wire} | {example} | {_constraints(name)} |\n"
    yield f"| `list<T>` | `list[T]` | array | `[1, 2]` | {_constraints('list')} |\n"
    yield f'| `map<T>` | `dict[str, T]` | object | `{{"a": 1}}` | {_constraints("map")} |\n'
    yield "| `T \\| null` | `T \\| None`, default `None` | `null` or T | `null` | those of T |\n"
    yield "| a name from `types` | its class | its form | | |\n\n"
    yield "They nest: `list<map<Role> | null>`. An enum is its value on the wire, an object an\n"
    yield "object, and a member of a tagged union an object that also has the tag. A default is\n"
    yield "written as on the wire; a duration also as elsewhere in a spec.\n\n"


def _constraints(name: str) -> str:
    return ", ".join(f"`{constraint}`" for constraint in CONSTRAINTS.get(name, ()))


def _limits() -> Iterator[str]:
    yield "## Limits\n\nWhat passes one of these is refused with the figures.\n\n"
    yield "| what | at most |\n| --- | --- |\n"
    for what, limit in (
        ("bytes of a spec, all files together", f"{MAX_BYTES:,}"),
        ("lines of a spec, all files together", f"{MAX_LINES:,}"),
        ("levels of nesting", f"{MAX_DEPTH}"),
        ("characters of a text", f"{MAX_TEXT:,}"),
        ("characters of a name", f"{MAX_NAME_LENGTH}"),
        ("characters of an enum value or note", f"{MAX_VALUE_LENGTH}"),
        ("events, types, commands... of a service, each", f"{MAX_DECLARED:,}"),
        ("fields of an event, command or object", f"{MAX_FIELDS}"),
        ("a whole number", f"{MAX_INT}"),
    ):
        yield f"| {what} | {limit} |\n"
    yield "\n"


def _codes() -> Iterator[str]:
    yield "## Error codes\n\n`headwater explain CODE` says more, with examples.\n\n"
    yield "| code | |\n| --- | --- |\n"
    for code in CODES.values():
        yield f"| {code.id} | {code.title} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
