"""What the verbs share: options, refusals, and a function's return value as the exit status."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeAlias

import typer
from headwater.errors import HeadwaterError
from headwater.operations.management import Management, manage
from headwater.operations.settings import load_settings
from headwater.service import Service

__all__ = ["Database", "Json", "Module", "Personal", "call", "managing"]

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
        metavar="URL",
        help="The service's database, such as sqlite:///users.db. [HEADWATER_DATABASE]",
        show_default=False,
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Personal: TypeAlias = Annotated[
    bool, typer.Option("--personal", help="Show what is about a person too, and not *** for it.")
]


def call(function: Callable[..., int], argv: Sequence[str], verb: str) -> int:
    """Run a typer-annotated function with a verb's arguments; a wrong call is status 2.

    So is what the function refuses: an error of ours is told in a line, without a traceback.
    """
    ended_by: BaseException | None = None

    @functools.wraps(function)
    def command(*arguments: object, **options: object) -> None:
        nonlocal ended_by
        try:
            status = function(*arguments, **options)
        except HeadwaterError as error:
            sys.stdout.flush()
            sys.stderr.write(f"headwater {verb}: {error}\n")
            status = 2
        except (BrokenPipeError, KeyboardInterrupt) as error:
            ended_by, status = error, 1  # for whoever called us: click would make status 1 of them
        raise typer.Exit(status)

    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(command)
    status = 0
    try:
        typer.main.get_command(app).main(list(argv), prog_name=f"headwater {verb}")
    except SystemExit as finished:
        status = finished.code if isinstance(finished.code, int) else 0
    if ended_by is not None:
        raise ended_by
    return status


def managing(
    service: Service[Any],
    database: str | None,
    work: Callable[[Management], Awaitable[int]],
) -> int:
    """What `work` returns, given the management of the service on its database.

    The service may run meanwhile, in other processes, or not.

    Raises:
        ConfigurationError: There is no such database, or it does not fit the service.
    """

    async def run() -> int:
        async with manage(service, load_settings(database=database).database) as management:
            return await work(management)

    return asyncio.run(run())
