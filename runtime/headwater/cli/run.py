"""`headwater run MODULE`: serve a service over HTTP until told to stop.

Exit status: 0 stopped as asked · 1 it could not start, or not stop in time · 2 the module, the
handlers, a setting or the call is wrong.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "serve a service: its commands over HTTP, its subscriptions' handlers"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    from typing import Annotated

    import typer
    from headwater.errors import ConfigurationError
    from headwater.operations.settings import LogFormat, LogLevel, load_settings

    from .loading import load_module
    from .serving import serve

    def command(
        module: Annotated[
            str,
            typer.Argument(
                metavar="MODULE",
                help="Import name of a module with `service`, `handlers` and perhaps `lifespan`.",
            ),
        ],
        host: Annotated[
            str | None, typer.Option(help="Address to serve on; a loopback address. [127.0.0.1]")
        ] = None,
        port: Annotated[
            int | None, typer.Option(help="Port to serve on; 0 takes a free one. [8000]")
        ] = None,
        database: Annotated[
            str | None,
            typer.Option(help="Where events are kept, such as sqlite:///users.db. [memory://]"),
        ] = None,
        broker: Annotated[
            str | None,
            typer.Option(
                help="Where published streams go and remote ones come from, such as "
                "amqp://localhost. Its password is better in HEADWATER_BROKER."
            ),
        ] = None,
        log_level: Annotated[
            LogLevel | None, typer.Option(help="The least that is logged. [info]")
        ] = None,
        log_format: Annotated[
            LogFormat | None, typer.Option(help="How log lines look. [auto]")
        ] = None,
    ) -> None:
        """Serve a service: its commands over HTTP, its subscriptions' handlers.

        Every option can be set in the environment too, as HEADWATER_HOST and so on.
        """
        try:
            settings = load_settings(
                host=host,
                port=port,
                database=database,
                broker=broker,
                log_level=log_level,
                log_format=log_format,
            )
            status = serve(load_module(module), settings)
        except ConfigurationError as error:
            typer.echo(f"headwater run: {error}", err=True)
            status = 2
        raise typer.Exit(status)

    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        typer.main.get_command(app).main(list(argv), prog_name="headwater run")
    except SystemExit as finished:
        return finished.code if isinstance(finished.code, int) else 0
    return 0
