"""`headwater streams MODULE`: a service's streams, and how far they have come.

`headwater streams import MODULE FILE` is in `importing`, where no module can be called `import`;
`headwater streams copy` is in `copying`: Python's own module of that name is no service; and
`headwater streams retention` and `keys` are in modules of their names: to list a service of such a
name, give its path with a dot, such as services.retention.

Exit status: 0 done · 2 the module, the database or the call is wrong.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

TO_COUNT = 600.0  # seconds for one stream

SUMMARY = "list a service's streams, and how far they have come"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    if argv[:1] == ["import"]:
        from .importing import run as run_import

        return run_import(argv[1:])
    if argv[:1] == ["copy"]:
        from .copying import run as run_copy

        return run_copy(argv[1:])
    if argv[:1] == ["retention"]:
        from .retention import run as run_retention

        return run_retention(argv[1:])
    if argv[:1] == ["keys"]:
        from .keys import run as run_keys

        return run_keys(argv[1:])
    from typing import Annotated

    import typer
    from headwater.errors import UnknownEventError
    from headwater.operations.management import Management

    from .command_line import Database, Json, Module, call, managing
    from .loading import load_service
    from .printing import write_json, write_table

    def streams(
        module: Module,
        database: Database = None,
        *,
        events: Annotated[
            bool,
            typer.Option("--events", help="Count the events of each version; reads all of them."),
        ] = False,
        as_json: Json = False,
    ) -> int:
        """List a service's streams, and how far they have come.

        `head` is the offset of the newest event, `length` how many are still there, `dropped`
        those of an ephemeral stream that nobody was registered for. With `--events` there is a line
        for each version of each event, and whether the service knows it. The service may run or
        not:

            headwater streams services.user_service --database sqlite:///users.db

        To copy them to another database, see `headwater streams copy --help`; to take existing
        events in, `headwater streams import --help`; to remove what exceeds its retention,
        `headwater streams retention --help`; to remove old idempotency keys, `headwater streams
        keys --help`.
        """
        service = load_service(module)

        def is_known(stream: str, name: str, version: int) -> bool:
            try:
                service.registry_of(stream).get(name, version)
            except UnknownEventError:
                return False
            return True

        async def show_events(management: Management) -> int:
            rows = [
                {
                    "stream": stream.name,
                    "event": one.name,
                    "version": one.version,
                    "count": one.count,
                    "known": is_known(stream.name, one.name, one.version),
                }
                for stream in service.kept_streams
                for one in await management.counts(stream.name, deadline=TO_COUNT)
            ]
            if as_json:
                write_json(rows)
            else:
                write_table(rows, empty="there are no events")
            return 0

        async def show(management: Management) -> int:
            if events:
                return await show_events(management)
            rows = []
            for stream in service.kept_streams:
                statistics = await management.statistics(stream.name)
                rows.append(
                    {
                        "stream": stream.name,
                        "type": stream.type.value,
                        "head": statistics.head,
                        "length": statistics.length,
                        "dropped": statistics.dropped,
                    }
                )
            if as_json:
                write_json(rows)
            else:
                write_table(rows, empty=f"{service.name} has no streams")
            return 0

        return managing(service, database, show)

    return call(streams, argv, "streams")
