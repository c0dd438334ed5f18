"""`headwater replay MODULE STREAM`: the events of a persistent stream, again.

Exit status: 0 done · 2 the module, the database, the stream, a place or the call is wrong · 130
interrupted, which is how `--follow` ends.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "show the events of a persistent stream, from where to where you say"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import json
    import sys
    from typing import Annotated, Any

    import typer
    from headwater.errors import ConfigurationError
    from headwater.events import RecordedEvent
    from headwater.operations.management import Management
    from headwater.operations.masking import data_of, masked_data_of

    from .command_line import Database, Json, Module, Personal, call, managing
    from .loading import did_you_mean, load_service
    from .places import parse_start, parse_until
    from .printing import moment, printable, write_json, write_line
    from .progress import progress_bar

    def replay(
        module: Module,
        stream: Annotated[str, typer.Argument(metavar="STREAM", help="A persistent stream.")],
        database: Database = None,
        start: Annotated[
            str, typer.Option("--from", metavar="PLACE", help="Start there.")
        ] = "beginning",
        until: Annotated[str, typer.Option("--to", metavar="PLACE", help="End there.")] = "latest",
        events: Annotated[
            list[str] | None,
            typer.Option("--event", metavar="NAME", help="Only these; may be repeated."),
        ] = None,
        workflow: Annotated[
            str | None,
            typer.Option(
                "--workflow", metavar="ID", help="Only of this workflow.", show_default=False
            ),
        ] = None,
        limit: Annotated[
            int | None,
            typer.Option(min=1, metavar="N", help="At most so many events.", show_default=False),
        ] = None,
        *,
        follow: Annotated[
            bool, typer.Option("--follow", help="Go on with what is recorded from now on.")
        ] = False,
        personal: Personal = False,
        as_json: Json = False,
    ) -> int:
        """Show the events of a persistent stream, in order. No subscription takes note of it.

        A PLACE is `beginning`, `latest`, an offset, an event's id, or a time with its zone. Both
        ends belong to what is shown:

            headwater replay services.user_service users --from 100 --to 200
            headwater replay services.user_service users --from 2030-01-31T12:00:00Z --json
            headwater replay services.user_service users --from latest --follow

        What is about a person shows as *** unless --personal is given. --json gives the events as
        recorded, with offset, event, version, workflow, workflow_id, id, recorded_at and data; one
        that was imported with its time has that as occurred_at.
        """
        service = load_service(module)
        names = {event.event_name for event in service.events_of(stream)}
        for name in events or ():
            if names and name not in names:
                raise ConfigurationError(
                    f"{stream} carries no event {name!r}; {did_you_mean(name, names)}"
                )
        places = parse_start(start), parse_until(until)
        width = max(map(len, names), default=0) + 3

        async def work(management: Management) -> int:
            replayed = management.replay(
                stream,
                start=places[0],
                until=places[1],
                where=lambda event: bar(event) and is_wanted(event),
                limit=limit,
                follow=follow,
            )
            head = (await management.statistics(stream)).head
            with progress_bar(head, hidden=follow) as bar:
                async for event in replayed.records():
                    if as_json:
                        write_json([line(event)])
                    else:
                        write_line(text(event, len(str(head))))
                    if follow:
                        sys.stdout.flush()
            return 0

        def is_wanted(event: RecordedEvent) -> bool:
            return (not events or event.name in events) and workflow in {None, event.workflow_id}

        def text(event: RecordedEvent, digits: int) -> str:
            data = (
                data_of(event)
                if personal
                else masked_data_of(event, service.registry_of(event.stream))
            )
            return "  ".join(
                [
                    f"{event.offset:>{digits}}",
                    moment(event.recorded_at),
                    f"{event.name}@{event.version}".ljust(width),
                    printable(event.workflow_id),
                    printable(json.dumps(data, ensure_ascii=False)),
                ]
            )

        return managing(service, database, work)

    def line(event: RecordedEvent) -> dict[str, Any]:
        occurred_at = event.metadata.occurred_at
        return {
            "offset": event.offset,
            "event": event.name,
            "version": event.version,
            "workflow": event.workflow,
            "workflow_id": event.workflow_id,
            "id": event.id,
            **({} if occurred_at is None else {"occurred_at": occurred_at}),
            "recorded_at": event.recorded_at,
            "data": data_of(event),
        }

    return call(replay, argv, "replay")
