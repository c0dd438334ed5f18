"""`headwater streams MODULE`: a service's streams, and how far they have come.

Exit status: 0 done · 2 the module, the database or the call is wrong.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "list a service's streams, and how far they have come"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    from headwater.operations.management import Management

    from .command_line import Database, Json, Module, call, managing
    from .loading import load_service
    from .printing import write_json, write_table

    def streams(module: Module, database: Database = None, *, as_json: Json = False) -> int:
        """List a service's streams, and how far they have come.

        `head` is the offset of the newest event, `length` how many are still there, `dropped`
        those of an ephemeral stream that nobody was registered for. The service may run or not:

            headwater streams services.user_service --database sqlite:///users.db
        """
        service = load_service(module)

        async def show(management: Management) -> int:
            rows = []
            for stream in service.streams:
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
