"""`headwater dead-letters MODULE`: the events that were set aside; requeue or drop them.

`headwater dead-letters requeue MODULE` and `headwater dead-letters drop MODULE` take the same
options to choose some of them.

Exit status: 0 done · 1 a dead letter that was named is not there, or nothing was confirmed; nothing
was changed · 2 the module, the database, a name or the call is wrong; nothing was changed.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "list the events that a service set aside, requeue or drop them"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    act = argv[0] if argv[:1] in (["requeue"], ["drop"]) else None
    if act is not None:
        return _run(argv[1:], act)
    return _run(argv, None)


def _run(argv: Sequence[str], act: str | None) -> int:
    import json
    import sys
    from typing import Annotated, Any

    import typer
    from headwater.errors import ConfigurationError
    from headwater.operations.management import Management
    from headwater.operations.masking import data_of, masked_data_of
    from headwater.service import Service
    from headwater.stores.contract import DeadLetter

    from .choosing import (
        Age,
        Consumer,
        EventName,
        Ids,
        Names,
        Text,
        Workflow,
        find_letters,
    )
    from .command_line import Database, Json, Module, Personal, call, managing
    from .loading import load_service
    from .printing import printable, write_json, write_line, write_table

    def dead_letters(
        module: Module,
        names: Names = None,
        database: Database = None,
        *,
        ids: Ids = None,
        consumer: Consumer = None,
        event: EventName = None,
        workflow: Workflow = None,
        error: Text = None,
        older_than: Age = None,
        data: Annotated[bool, typer.Option("--data", help="Show what the events hold.")] = False,
        personal: Personal = False,
        as_json: Json = False,
    ) -> int:
        """List dead letters: events set aside after their last failure, oldest first.

        Requeue them when the cause is mended; a running service takes them up at once:

            headwater dead-letters services.user_service
            headwater dead-letters services.user_service invitation-processor --id 3 --data
            headwater dead-letters requeue services.user_service invitation-processor --dry-run

        `behind` are those that only wait for an earlier one of their workflow.
        With --data, what is about a person shows as *** unless --personal is given; --json gives
        it as recorded.
        """
        service = load_service(module)

        async def work(management: Management) -> int:
            letters = await find_letters(
                management, service, names, ids, consumer, event, workflow, error, older_than
            )
            if letters is None:
                return 1
            show(service, letters)
            return 0

        def show(service: Service[Any], letters: list[DeadLetter]) -> None:
            if as_json:
                write_json(line(letter) for letter in letters)
                return
            write_table([row(letter) for letter in letters], empty="there are no dead letters")
            if data:
                for letter in letters:
                    held = (
                        data_of(letter.event)
                        if personal
                        else masked_data_of(letter.event, service.registry_of(letter.event.stream))
                    )
                    text = json.dumps(held, indent=2, ensure_ascii=False)
                    write_line(f"\n{letter.id}: {letter.event.name} {letter.event.id}")
                    for part in text.splitlines():
                        write_line(f"  {printable(part)}")

        def line(letter: DeadLetter) -> dict[str, Any]:
            return {
                **row(letter),
                "event_id": letter.event.id,
                "stream": letter.event.stream,
                **({"data": data_of(letter.event)} if data else {}),
            }

        return managing(service, database, work)

    def change(
        module: Module,
        names: Names = None,
        database: Database = None,
        *,
        every: Annotated[
            bool, typer.Option("--all", help="Those of all subscriptions, whatever they are.")
        ] = False,
        ids: Ids = None,
        consumer: Consumer = None,
        event: EventName = None,
        workflow: Workflow = None,
        error: Text = None,
        older_than: Age = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
        as_json: Json = False,
    ) -> int:
        """Have dead letters handed out again as new, or drop them for good.

        Say which: subscriptions, --id, --event, --workflow, --error, --older-than, or --all. They
        are counted first, and dropping asks. With a letter that is requeued come those that wait
        behind it, in order; one that waits behind a letter that stays, stays. Those behind a letter
        that is dropped stay until they are requeued.
        """
        said = (names, ids, consumer, event, workflow, error, older_than)
        if not every and not any(said):
            raise ConfigurationError(
                f"say which to {act}: name subscriptions, choose with --id, --event, --workflow, "
                "--error or --older-than, or take --all"
            )
        service = load_service(module)
        done = "requeued" if act == "requeue" else "dropped"

        async def work(management: Management) -> int:
            letters = await find_letters(
                management, service, names, ids, consumer, event, workflow, error, older_than
            )
            if letters is None:
                return 1
            doing = management.requeue if act == "requeue" else management.drop
            count = await doing(*letters, dry_run=True)
            if dry_run:
                tell(f"would be {done}", count)
                return 0
            if act == "drop" and count and not yes and not confirmed(count):
                sys.stderr.write("headwater dead-letters: nothing was dropped\n")
                return 1
            tell(done, await doing(*letters))
            return 0

        def tell(what: str, count: int) -> None:
            if as_json:
                write_json([{what.replace(" ", "_"): count}])
            else:
                write_line(f"{count} {'dead letter' if count == 1 else 'dead letters'} {what}")

        return managing(service, database, work)

    def row(letter: DeadLetter) -> dict[str, Any]:
        return {
            "id": letter.id,
            "subscription": letter.subscription,
            "consumer": letter.consumer,
            "offset": letter.event.offset,
            "event": letter.event.name,
            "event_version": letter.event.version,
            "workflow_id": letter.event.workflow_id,
            "attempts": letter.attempts,
            "behind": letter.behind,
            "set_aside_at": letter.set_aside_at,
            "error": letter.error,
        }

    def confirmed(count: int) -> bool:
        if not sys.stdin.isatty():
            raise ConfigurationError("dropping needs --yes where nobody can be asked")
        what = "1 dead letter" if count == 1 else f"{count} dead letters"
        return typer.confirm(f"Drop {what} for good?", err=True)

    if act is not None:
        return call(change, argv, f"dead-letters {act}")
    return call(dead_letters, argv, "dead-letters")
