"""What the verbs share: options, refusals, and a function's return value as the exit status."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import typer
from headwater.errors import HeadwaterError

__all__ = ["Database", "Json", "Module", "call", "print_json"]

Module: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="MODULE",
        help="Import name of a module with `service`, such as services.user_service.",
    ),
]
Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The service's database, such as sqlite:///users.db. [HEADWATER_DATABASE]",
        metavar="URL",
        show_default=False,
    ),
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="One JSON object a line, for programs.")
]


def call(function: Callable[..., int], argv: Sequence[str], verb: str) -> int:
    """Run a typer-annotated function with a verb's arguments; a wrong call is status 2.

    So is what the function refuses: an error of ours is told in a line, without a traceback.
    """

    @functools.wraps(function)
    def command(*arguments: object, **options: object) -> None:
        try:
            status = function(*arguments, **options)
        except HeadwaterError as error:
            sys.stdout.flush()
            sys.stderr.write(f"headwater {verb}: {error}\n")
            status = 2
        raise typer.Exit(status)

    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        typer.main.get_command(app).main(list(argv), prog_name=f"headwater {verb}")
    except SystemExit as finished:
        return finished.code if isinstance(finished.code, int) else 0
    return 0


def print_json(lines: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line to stdout."""
    for line in lines:
        sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
