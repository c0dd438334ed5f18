"""`headwater receipts MODULE NAME`: who has read what, where a subscription has read receipts.

Exit status: 0 done · 1 the event could not be marked: its time to be read was over · 2 the module,
the database, a name or the call is wrong; nothing was changed.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "tell who has read what, mark events as read, add recipients"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    from typing import Annotated, Any
    from uuid import UUID

    import typer
    from headwater.errors import ConfigurationError
    from headwater.operations.management import Management

    from .command_line import Database, Json, Module, call, managing
    from .loading import find_subscription, load_service
    from .places import parse_start
    from .printing import write_json, write_line, write_table

    def receipts(
        module: Module,
        name: Annotated[str, typer.Argument(metavar="NAME", help="The subscription.")],
        database: Database = None,
        *,
        event: Annotated[
            str | None,
            typer.Option(metavar="ID", help="Who has read this event, had it, or waits for it."),
        ] = None,
        consumer: Annotated[
            str | None, typer.Option(metavar="NAME", help="What this recipient has not read.")
        ] = None,
        mark: Annotated[
            str | None,
            typer.Option(metavar="ID|OFFSET", help="Have --consumer read this event."),
        ] = None,
        mark_all: Annotated[
            bool, typer.Option("--mark-all", help="Have --consumer read all there is.")
        ] = False,
        add: Annotated[
            str | None,
            typer.Option(metavar="NAME", help="Have a recipient of that name, who need not read."),
        ] = None,
        start: Annotated[
            str | None,
            typer.Option(
                "--from",
                metavar="PLACE",
                help="What --add begins with: an offset, an event's id, a time, beginning, latest. "
                "[what the subscription says]",
                show_default=False,
            ),
        ] = None,
        limit: Annotated[
            int, typer.Option(min=1, max=10_000, help="Unread events to list at most.")
        ] = 100,
        as_json: Json = False,
    ) -> int:
        """Tell who has read what of a subscription with `mode: read-receipt`.

        Without options it lists the recipients, and how many events each has not read:

            headwater receipts services.user_service admin-notifications
            headwater receipts services.user_service admin-notifications --consumer ann
            headwater receipts services.user_service admin-notifications --consumer ann --mark 17
            headwater receipts services.user_service admin-notifications --event 0d6b7a3e-...
            headwater receipts services.user_service admin-notifications --add bob --from latest

        `state` is what has become of an event for a recipient: waiting to be delivered, delivered
        and not read, read, dead-lettered or dropped. A recipient that is added has its events kept
        unread from there on, with or without a session.
        """
        if (mark is not None or mark_all) and consumer is None:
            raise ConfigurationError("name the recipient with --consumer")
        if (event is not None) + (mark is not None) + mark_all + (add is not None) > 1:
            raise ConfigurationError("--event, --mark, --mark-all and --add exclude each other")
        if add is not None and consumer is not None:
            raise ConfigurationError("--add names the recipient itself, without --consumer")
        if start is not None and add is None:
            raise ConfigurationError("--from would have no effect without --add")
        place = None if start is None else parse_start(start)
        service = load_service(module)
        subscription = find_subscription(service, name)

        async def work(management: Management) -> int:
            if add is not None:
                await add_recipient(management, add)
            elif consumer is not None and mark_all:
                count = await management.mark_all_as_read(subscription, consumer=consumer)
                write_line(f"{consumer} has read {count} more")
            elif consumer is not None and mark is not None:
                which = int(mark) if mark.isdecimal() else event_id(mark)
                if not await management.mark_as_read(subscription, which, consumer=consumer):
                    write_line(f"{mark} is not {consumer}'s to read any more")
                    return 1
                write_line(f"{consumer} has read {mark}")
            elif event is not None:
                show(await of_event(management, event), empty="it is for no recipient")
            elif consumer is not None:
                show(await of_recipient(management, consumer), empty=f"{consumer} has read all")
            else:
                show(await recipients(management), empty=f"{name} has no recipients")
            return 0

        async def add_recipient(management: Management, who: str) -> None:
            if await management.add_recipient(subscription, consumer=who, start=place):
                write_line(f"{who} is a recipient of {name} now")
            elif place is None:
                write_line(f"{who} is a recipient of {name} already")
            else:
                raise ConfigurationError(
                    f"{who} is a recipient of {name} already, and stays where it is: "
                    "`headwater subscriptions reset` puts it elsewhere"
                )

        def show(rows: list[dict[str, Any]], *, empty: str) -> None:
            if as_json:
                write_json(rows)
            else:
                write_table(rows, empty=empty)

        async def of_event(management: Management, text: str) -> list[dict[str, Any]]:
            return [
                {
                    "recipient": one.consumer,
                    "state": one.state.value,
                    "delivered_at": one.delivered_at,
                    "read_at": one.read_at,
                }
                for one in await management.receipts(subscription, event_id(text))
            ]

        async def of_recipient(management: Management, who: str) -> list[dict[str, Any]]:
            return [
                {
                    "offset": one.event.offset,
                    "event": one.event.name,
                    "version": one.event.version,
                    "workflow_id": one.event.workflow_id,
                    "event_id": one.event.id,
                    "recorded_at": one.event.recorded_at,
                    "delivered_at": one.delivered_at,
                }
                for one in await management.unread(subscription, consumer=who, limit=limit)
            ]

        async def recipients(management: Management) -> list[dict[str, Any]]:
            return [
                {
                    "recipient": one,
                    "unread": await management.unread_count(subscription, consumer=one),
                }
                for one in await management.recipients(subscription)
            ]

        return managing(service, database, work)

    def event_id(text: str) -> UUID:
        try:
            return UUID(text)
        except ValueError:
            raise ConfigurationError(f"{text!r} is no event's id, nor an offset") from None

    return call(receipts, argv, "receipts")
