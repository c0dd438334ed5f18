"""A page to read a service's commands on. Plain HTML: no script, nothing from elsewhere."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from inspect import getdoc
from typing import Any
from urllib.parse import urlsplit

from headwater.events import Command
from headwater.service import Service

__all__ = ["CONTENT_SECURITY_POLICY", "reference"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1c2733; background: #fff }
h1 + p, h2 + p { white-space: pre-line }
h2 { margin-top: 2.5rem; border-top: 1px solid #d5dde5; padding-top: 1.5rem }
code, pre { font: 14px/1.5 ui-monospace, monospace; background: #f2f5f8; border-radius: 4px }
code { padding: .1rem .3rem } pre { padding: .8rem 1rem; overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
         border-bottom: 1px solid #e6ebf0 }
@media (prefers-color-scheme: dark) {
  body { color: #dfe7ee; background: #14191f } code, pre { background: #222a33 }
  h2, th, td { border-color: #34404c } a { color: #7db8ff }
}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

_CONSTRAINTS = {
    "minLength": "length at least {}",
    "maxLength": "length at most {}",
    "pattern": "matches {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "above {}",
    "exclusiveMaximum": "below {}",
    "multipleOf": "a multiple of {}",
    "minItems": "items: at least {}",
    "maxItems": "items: at most {}",
    "minProperties": "entries: at least {}",
    "maxProperties": "entries: at most {}",
}
_EXAMPLES = {
    "date": "2030-01-31",
    "date-time": "2030-01-31T12:00:00Z",
    "duration": "PT5M",
    "email": "ada@example.com",
    "time": "12:00:00",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def reference(service: Service[Any], addresses: Mapping[str, str]) -> str:
    """The page: every command with its address, its fields, and a request to copy."""
    name, description = escape(service.name), escape(service.description or "")
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>{name}</title><style>{_STYLE}</style><h1>{name}</h1><p>{description}</p>",
        "<p>The same for programs: <a href='openapi.json'>openapi.json</a></p>",
    ]
    for definition in service.commands:
        command, address = definition.command, addresses[definition.name]
        parts.append(f"<h2>{escape(definition.name)}</h2><p>{escape(getdoc(command) or '')}</p>")
        parts.append(f"<p><code>POST {escape(urlsplit(address).path)}</code></p>")
        parts.extend(_fields(command))
        parts.append(f"<pre>{escape(_request(command, address))}</pre>")
    return "".join(parts)


def _fields(command: type[Command[Any]]) -> Iterator[str]:
    schema = command.model_json_schema()
    fields = schema.get("properties", {})
    if not fields:
        yield "<p>It has no fields: send <code>{}</code>.</p>"
        return
    yield "<table><tr><th>Field<th>Type<th>"
    required = schema.get("required", ())
    for name, field in fields.items():
        notes = list(_notes(field))
        if name not in required:
            notes.append(f"by default {json.dumps(field.get('default'), ensure_ascii=False)}")
        kind = _type(field, schema.get("$defs", {}))
        yield f"<tr><td><code>{escape(name)}</code><td>{escape(kind)}<td>{escape('; '.join(notes))}"
    yield "</table>"


def _notes(field: Mapping[str, Any]) -> Iterator[str]:
    if "description" in field:
        yield field["description"]
    for key, words in _CONSTRAINTS.items():
        if key in field:
            yield words.format(field[key])


def _type(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        values = definitions[name].get("enum")
        return name if values is None else " | ".join(json.dumps(one) for one in values)
    if "const" in field:
        return json.dumps(field["const"])
    for key in ("anyOf", "oneOf"):
        if key in field:
            return " | ".join(_type(one, definitions) for one in field[key])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}), definitions)}"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"map of {_type(field['additionalProperties'], definitions)}"
    return str(field.get("format") or field.get("type") or "json")


def _request(command: type[Command[Any]], address: str) -> str:
    schema = command.model_json_schema()
    names = schema.get("required", ())
    fields = schema.get("properties", {})
    body = {name: _example(fields[name], schema.get("$defs", {}), 0) for name in names}
    text = json.dumps(body, ensure_ascii=False).replace("'", r"'\''")
    return f"curl -H 'Content-Type: application/json' {address} \\\n  -d '{text}'"


def _example(field: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> Any:
    """A value of the field's type. Constraints beyond the least are for the reader to see to."""
    if "$ref" in field:
        if depth > 5:
            return None
        target = definitions[field["$ref"].rpartition("/")[2]]
        return _example(target, definitions, depth + 1)
    if "enum" in field:
        return field["enum"][0]
    if "const" in field:
        return field["const"]
    for key in ("anyOf", "oneOf"):
        if key in field:
            return _example(field[key][0], definitions, depth)
    match field.get("type"):
        case "string":
            return _EXAMPLES.get(field.get("format", ""), "text")
        case "integer" | "number":
            return field.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            return [_example(field.get("items", {}), definitions, depth)]
        case "object":
            return {
                name: _example(one, definitions, depth)
                for name, one in field.get("properties", {}).items()
                if name in field.get("required", ()) or "const" in one
            }
    return None
