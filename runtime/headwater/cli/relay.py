"""`headwater relay MODULE`: what a service has taken to the broker, and taken in from there.

Exit status: 0 done · 2 the module, the database or the call is wrong.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "tell how far streams have crossed to other services, and from them"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    from headwater.operations.management import Management

    from .command_line import Database, Json, Module, call, managing
    from .loading import load_service
    from .printing import write_json, write_table

    def relay(module: Module, database: Database = None, *, as_json: Json = False) -> int:
        """Tell how far streams have crossed to other services, and from them.

        A stream that goes `out` is published: `position` is the offset up to which the broker has
        every event, `waiting` how many are still to go, `oldest age` how many seconds ago the
        first of them was recorded, `set aside` those that cannot be brought to the version at which
        they would leave.
        One that comes `in` is another service's: `position` is how many events were taken in, and
        what is still to come only the broker knows. `last at` is when the last one that has crossed
        was recorded here. The service may run or not; whether it has its broker its own
        /health/ready tells:

            headwater relay services.user_service --database sqlite:///users.db
        """
        service = load_service(module)

        async def show(management: Management) -> int:
            rows = [
                {
                    "stream": one.stream,
                    "direction": one.direction.value,
                    "position": one.position,
                    "waiting": one.waiting,
                    "oldest_age": None if one.oldest_age is None else round(one.oldest_age, 1),
                    "set_aside": one.set_aside,
                    "last_at": one.last_at,
                }
                for one in await management.crossings()
            ]
            if as_json:
                write_json(rows)
            else:
                write_table(rows, empty=f"{service.name} publishes nothing and reads of nobody")
            return 0

        return managing(service, database, show)

    return call(relay, argv, "relay")
