"""`headwater streams import MODULE FILE`: existing events, taken into a service's streams.

Exit status: 0 done · 2 a line, the module, the database or the call is wrong, and nothing was
written; or the database stopped it, and what was written by then is told.
"""

from collections.abc import Sequence

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import sys
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Annotated

    import typer
    from headwater.errors import ConfigurationError, HeadwaterError
    from headwater.operations.importing import BadLine, read_lines
    from headwater.operations.management import Management

    from .command_line import Database, Json, Module, call, managing
    from .loading import did_you_mean, load_service
    from .printing import printable, write_json, write_line
    from .progress import counting_bar

    def import_events(
        module: Module,
        file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, an event each.")],
        database: Database = None,
        stream: Annotated[
            str | None,
            typer.Option(
                "--stream", metavar="NAME", help="All are of this one.", show_default=False
            ),
        ] = None,
        *,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Check every line, and write nothing.")
        ] = False,
        as_json: Json = False,
    ) -> int:
        """Take existing events in, in the order of the lines, each once.

        A line is an event as `headwater replay --json` prints it. It needs `event`, `workflow_id`
        and `data`, and may have `version` (else 1), `id` (else one that follows from the line) and
        `workflow` (null: of the stream alone). `offset` is not kept: an event gets the next one.
        It is recorded at the time of the import; `occurred_at`, or else `recorded_at`, is kept
        with it as the time at which it happened.

        {"event": "UserInvited", "version": 1, "workflow_id": "u-1", "data": {...}}

        Every line is checked first, and if one is bad nothing is written. The same file again
        writes only what is not there yet:

            headwater streams import services.user_service users.jsonl --dry-run

            headwater streams import services.user_service users.jsonl
        """
        service = load_service(module)
        names = {one.name for one in service.streams}
        if stream is not None and stream not in names:
            raise ConfigurationError(
                f"{service.name} has no stream {stream!r}; {did_you_mean(stream, names)}"
            )
        try:
            with file.open("rb") as lines:
                events, bad = read_lines(lines, service, stream=stream)
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error

        def refuse(bad: Iterable[BadLine]) -> int:
            for one in bad:
                sys.stderr.write(f"{file}:{one.line}: {printable(one.reason)}\n")
            sys.stderr.write("headwater streams import: nothing was written\n")
            return 2

        if bad:
            return refuse(bad)

        def tell(what: str, count: int, there: int) -> None:
            if as_json:
                write_json([{what: count, "already_there": there}])
            else:
                noun = "event" if count == 1 else "events"
                write_line(f"{count} {noun} {what.replace('_', ' ')}, {there} there already")

        async def work(management: Management) -> int:
            taking = management.importing(events)
            if contradictions := await taking.compare():
                return refuse(contradictions)
            there = len(events) - len(taking.missing)
            if dry_run:
                tell("would_be_imported", len(taking.missing), there)
                return 0
            try:
                with counting_bar(len(taking.missing), "import") as appended:
                    await taking.append(appended)
            except HeadwaterError as error:
                sys.stderr.write(
                    f"headwater streams import: {error}\n{taking.written} of "
                    f"{len(taking.missing)} events were written; import the file again for the "
                    "rest\n"
                )
                return 2
            tell("imported", taking.written, len(events) - taking.written)
            return 0

        return managing(service, database, work)

    return call(import_events, argv, "streams import")
