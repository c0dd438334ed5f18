"""Jinja2, set up so that a template cannot do harm: undefined names are fatal, spec text passes a
filter."""

from __future__ import annotations

import functools
import json
import re
import textwrap
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined

from ..model.literals import literal

__all__ = ["Templates", "comment", "docstring", "markdown", "plain", "templates_folder", "yaml"]

_json = json.JSONEncoder(ensure_ascii=False).encode  # `dumps` would make an encoder each time
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
# What a reader of YAML takes for something else than text.
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_UNREADABLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

COMMENT_WIDTH = 97  # characters of a line of a proto behind its `//`


def templates_folder() -> Path:
    """Return the folder of the templates: inside an installed package, else the repository's."""
    package = Path(__file__).parents[1]
    installed = package / "templates"
    return installed if installed.is_dir() else package.parents[1] / "templates"


class Templates:
    """Renders templates for one width of lines.

    `memory` is a folder in which Jinja keeps what it compiled of them, and may be deleted any time;
    `None`: nothing is kept.
    """

    def __init__(self, line_length: int, memory: Path | None = None) -> None:
        self._environment = _environment(line_length, memory)

    def render(self, template: str, **model: object) -> str:
        """Return the text of a template with the model in its holes."""
        return self._environment.get_template(template).render(**model)


@functools.cache
def _environment(line_length: int, memory: Path | None) -> Environment:
    environment = Environment(
        bytecode_cache=_kept(memory) if memory else None,
        loader=FileSystemLoader(templates_folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Python and Markdown; text passes the filters below
    )
    environment.filters.update(
        literal=literal,
        docstring=functools.partial(docstring, width=line_length),
        comment=comment,
        markdown=markdown,
        plain=plain,
        yaml=yaml,
    )
    return environment


def _kept(memory: Path) -> FileSystemBytecodeCache | None:
    try:
        memory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return FileSystemBytecodeCache(str(memory), "%s.cache")


def docstring(text: str, indent: int = 0, *, width: int) -> str:
    """Return what stands between the three quotes of a docstring, at an indentation.

    Backslashes, quotes and what cannot be printed are escaped; lines are broken to the width, and
    more than one line ends with a line for the closing quotes.
    """
    lines: list[str] = []
    for line in re.split(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text.strip()):
        escaped = _escaped(line.expandtabs().rstrip())
        lines += _wrapped(escaped, width - indent - (0 if lines else 3)) or [""]
    if lines[0].startswith('"'):
        lines[0] = f"\\{lines[0]}"
    if len(lines) == 1:
        [line] = lines
        if len(line) + indent + 6 <= width or " " not in line:
            return f'{line[:-1]}\\"' if line.endswith('"') and not _is_escaped(line) else line
    margin = " " * indent
    return "\n".join([lines[0], *(f"{margin}{line}".rstrip() for line in lines[1:]), margin])


def comment(text: str, indent: int = 0) -> list[str]:
    """Return text as lines for a comment of a proto; what cannot be printed is escaped."""
    lines: list[str] = []
    for line in re.split(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text.strip()):
        shown = "".join(one if one.isprintable() else _code(ord(one)) for one in line.expandtabs())
        lines += _wrapped(shown.rstrip(), COMMENT_WIDTH - indent) or [""]
    return lines


def markdown(text: str) -> str:
    """Return text for one line of Markdown, with nothing in it that Markdown or HTML would obey."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>()#+!|&~$])", r"\\\1", "".join(filter(str.isprintable, line)))


def plain(text: str) -> str:
    """Return a path for a comment: as it is if it is of the usual characters, else escaped."""
    return text if re.fullmatch(r"[A-Za-z0-9_./ -]+", text) else ascii(text)


def yaml(value: Any) -> str:
    """Return a value as YAML on one line: a plain word if it is one, else JSON, which is YAML."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return _UNREADABLE.sub(lambda one: f"\\u{ord(one[0]):04x}", _json(value))


def _escaped(line: str) -> str:
    line = line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "".join(
        character if character.isprintable() else _code(ord(character)) for character in line
    )


def _code(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _wrapped(line: str, width: int) -> list[str]:
    margin = line[: len(line) - len(line.lstrip(" "))]
    return textwrap.wrap(
        line,
        max(width, 40),
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _is_escaped(line: str) -> bool:
    slashes = len(line[:-1]) - len(line[:-1].rstrip("\\"))
    return slashes % 2 == 1
