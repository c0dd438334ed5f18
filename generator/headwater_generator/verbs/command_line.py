"""What the verbs share: a function becomes a command line, its return value the exit status."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["call"]


def call(function: Callable[..., int], argv: Sequence[str], verb: str) -> int:
    """Run a typer-annotated function with a verb's arguments; a wrong call is status 2."""
    import typer

    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(_exiting(function))
    try:
        typer.main.get_command(app).main(list(argv), prog_name=f"headwater {verb}")
    except SystemExit as finished:
        return finished.code if isinstance(finished.code, int) else 0
    return 0


def _exiting(function: Callable[..., int]) -> Callable[..., None]:
    import functools

    import typer

    @functools.wraps(function)
    def command(*args: object, **kwargs: object) -> None:
        raise typer.Exit(function(*args, **kwargs))

    return command
