"""The text of a spec, from a file or a folder of files, as UTF-8 and nothing else."""

from __future__ import annotations

import codecs
import re
from pathlib import Path, PurePosixPath

from ..names import nearest
from ..problems import Problem, SpecError, printable
from .limits import MAX_BYTES
from .nodes import Source

__all__ = ["locate", "read_sources"]

_OTHER_ENCODINGS = (  # the longer mark first: UTF-32 begins as UTF-16 does
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def locate(path: Path, root: Path) -> str:
    """Return a path as problems and generated files name it: relative to the root, with `/`.

    Raises:
        SpecError: Links resolved, it lies outside the root, or its name could not stand in a
            comment of generated code.
    """
    try:
        relative = path.resolve().relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        shown = printable(PurePosixPath(path).as_posix())
        problem = Problem(
            code="HW013",
            message="the file is outside the project",
            file=shown,
            hint=f"the project is {printable(str(root))}",
        )
        raise SpecError([problem]) from None
    name = relative.as_posix()
    if not name.isprintable() or any(character in name for character in "\"'`\\{}"):
        problem = Problem(
            code="HW014",
            message="the name of this file has characters that could not be quoted safely",
            file=printable(name),
            hint="rename it: no quotes, backslashes, braces or control characters",
        )
        raise SpecError([problem])
    return name


def read_sources(path: Path, root: Path) -> list[Source]:
    """Return the text of a spec file, or of each file in a spec folder, by name.

    Raises:
        SpecError: A file cannot be read, is too large, or is not UTF-8.
    """
    name = locate(path, root)
    if not path.is_dir():
        return [_read(path, name)]
    problems: list[Problem] = []
    size = sum(member.stat().st_size for member in path.glob("*.yaml") if member.is_file())
    if size > MAX_BYTES:
        raise SpecError([_too_large(name, size)])
    sources: list[Source] = []
    for member in sorted(path.iterdir(), key=lambda member: member.name):
        if member.suffix == ".yml":
            problems.append(
                Problem(
                    code="HW015",
                    message="this file of the spec's folder would not be read",
                    file=f"{name}/{printable(member.name)}",
                    hint="name it .yaml",
                )
            )
        elif member.suffix == ".yaml":
            try:
                sources.append(_read(member, locate(member, root)))
            except SpecError as error:
                problems.extend(error.problems)
    if not problems and not sources:
        problems.append(
            Problem(
                code="HW015",
                message="there is no spec in this folder",
                file=name,
                hint="a spec's files end in .yaml and lie directly in its folder",
            )
        )
    if problems:
        raise SpecError(problems)
    return sources


def _read(path: Path, name: str) -> Source:
    def refuse(code: str, message: str, hint: str = "") -> SpecError:
        return SpecError([Problem(code=code, message=message, file=name, hint=hint)])

    if path.exists() and not path.is_file():
        raise refuse("HW001", "this is not a file that could be read")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise SpecError([_too_large(name, size)])
        raw = path.read_bytes()
    except FileNotFoundError:
        raise refuse("HW001", "there is no such file", _neighbour(path, name)) from None
    except OSError as error:
        raise refuse("HW001", f"the file cannot be read: {error.strerror}") from None
    # ASCII comes first in any spec; beside NUL it is UTF-16 or UTF-32 without a mark.
    marks = dict(_OTHER_ENCODINGS)
    encoding = next((marks[mark] for mark in marks if raw.startswith(mark)), "")
    if encoding or (b"\0" in raw[:2] and len(raw) > 1):
        what = encoding or "UTF-16"
        raise refuse("HW002", f"the file is {what}, not UTF-8", "save it as UTF-8")
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return Source(name, raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        good = raw[: error.start].decode("utf-8")
        source = Source(name, good + raw[error.start :].decode("utf-8", "replace"))
        line = len(re.split(r"\r\n|\r|\n", good))
        column = len(good) - max(good.rfind("\n"), good.rfind("\r"))
        byte = raw[error.start]
        problem = source.problem(
            "HW002", f"byte 0x{byte:02x} is not UTF-8", line, column, hint="save it as UTF-8"
        )
        raise SpecError([problem]) from None


def _neighbour(path: Path, name: str) -> str:
    """Return a hint with the file that was probably meant, or nothing."""
    try:
        beside = [one.name for one in path.parent.iterdir() if one.suffix in {".yaml", ".yml"}]
    except OSError:
        return ""
    better = nearest(path.name, beside)
    if better is None:
        return ""
    return f"did you mean {printable(PurePosixPath(name).with_name(better).as_posix())}?"


def _too_large(name: str, size: int) -> Problem:
    return Problem(
        code="HW011",
        message=f"a spec has at most {MAX_BYTES:,} bytes, this one has {size:,}",
        file=name,
        hint="make it several services",
    )
