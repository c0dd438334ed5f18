"""What is wrong with a spec, said so that people and programs can act on it.

A `Problem` knows its place, a `SpecError` carries all problems of a run. They are shown as text for
people, as JSON for programs, and as annotations for GitHub:

    spec/user_service.yaml:27:28: error[HW101]: unknown key "feilds"
       27 |       UserRemoved: {feilds: {user_id: int}}
          |                     ^^^^^^ did you mean "fields"?

Every code has a title and an explanation with examples in `headwater_generator.codes`.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TextIO

__all__ = ["Code", "Format", "Problem", "SpecError", "printable", "render", "report"]

Format = Literal["text", "json", "github"]

LINE_WIDTH = 120  # columns of a source line that are shown, around the mistake


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of mistake, as `headwater explain` tells it."""

    id: str
    title: str
    explanation: str
    wrong: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake at one place. Lines and columns count from 1; line 0 is the file as a whole."""

    code: str
    message: str
    file: str
    line: int = 0
    column: int = 0
    length: int = 1
    """Characters that are wrong, from the column on; they do not pass the end of the line."""
    hint: str = ""
    text: str = field(default="", compare=False)
    """The line itself."""


class SpecError(Exception):
    """The spec, or what belongs to it, is wrong. Nothing was written.

    `problems` has every mistake found, in the order of their places.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems), key=_place))
        super().__init__(self.problems)  # so that copy and pickle work

    def __str__(self) -> str:
        return render(self.problems, "text").rstrip("\n")


def report(
    problems: Sequence[Problem], style: Format = "text", *, stdout: TextIO | None = None
) -> None:
    """Print problems: as text to stderr, in a format for programs to stdout."""
    if style == "text":
        sys.stderr.write(render(problems, style))
    else:
        (stdout or sys.stdout).write(render(problems, style))


def render(problems: Sequence[Problem], style: Format = "text") -> str:
    """Return problems as text, JSON or GitHub annotations; no problems are no text."""
    if style == "json":
        return _json(problems)
    if style == "github":
        return "".join(f"{_github(problem)}\n" for problem in problems)
    if not problems:
        return ""
    count = f"{len(problems)} error{'s' if len(problems) > 1 else ''}"
    blocks = "\n".join(_text(problem) for problem in problems)
    return f"{blocks}\n{count}. `headwater explain {problems[0].code}` says more.\n"


def printable(text: str) -> str:
    """Return text with everything escaped that could move the cursor or mislead the eye."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def _place(problem: Problem) -> tuple[str, int, int, str, str]:
    return (problem.file, problem.line, problem.column, problem.code, problem.message)


def _text(problem: Problem) -> str:
    file, message = printable(problem.file), printable(problem.message)
    hint = printable(problem.hint)
    if not problem.line:
        head = f"{file}: error[{problem.code}]: {message}"
        return f"{head}\n      | {hint}\n" if hint else f"{head}\n"
    head = f"{file}:{problem.line}:{problem.column}: error[{problem.code}]: {message}"
    before, wrong, after = _excerpt(problem)
    margin = f"{problem.line:>5}"
    caret = " " * _width(before) + "^" * max(1, _width(wrong))
    shown = f"{before}{wrong}{after}".rstrip()
    return (
        f"{head}\n{margin} | {shown}\n{' ' * len(margin)} | {caret}{f' {hint}' if hint else ''}\n"
    )


def _excerpt(problem: Problem) -> tuple[str, str, str]:
    """Return the line in three parts, the middle one wrong; a long line is cut on both sides."""
    start = problem.column - 1
    end = start + problem.length
    # A line may have a million characters; no more than a window of it is looked at.
    parts = (
        problem.text[max(0, start - LINE_WIDTH - 1) : start],
        problem.text[start : min(end, start + LINE_WIDTH + 1)],
        problem.text[end : end + LINE_WIDTH + 1],
    )
    before, wrong, after = (printable(part.replace("\t", " ")) for part in parts)
    if len(before) + len(wrong) + len(after) > LINE_WIDTH:
        half = LINE_WIDTH // 3
        before = before if len(before) <= half else f"…{before[1 - half :]}"
        wrong = wrong if len(wrong) <= half else f"{wrong[: half - 1]}…"
        after = after if len(after) <= half else f"{after[: half - 1]}…"
    return before, wrong, after


def _width(text: str) -> int:
    """Count the columns of a terminal that text takes."""
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _json(problems: Sequence[Problem]) -> str:
    import json

    rows = [
        {
            "code": problem.code,
            "message": problem.message,
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "length": problem.length,
            "hint": problem.hint,
        }
        for problem in problems
    ]
    return json.dumps({"problems": rows}, indent=2) + "\n"


def _github(problem: Problem) -> str:
    place = {"file": problem.file}
    if problem.line:
        place |= {
            "line": str(problem.line),
            "col": str(problem.column),
            "endColumn": str(problem.column + problem.length),
        }
    place["title"] = problem.code
    properties = ",".join(f"{name}={_github_property(value)}" for name, value in place.items())
    message = f"{problem.message}: {problem.hint}" if problem.hint else problem.message
    return f"::error {properties}::{_github_data(message)}"


def _github_data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return printable(escaped)


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")
