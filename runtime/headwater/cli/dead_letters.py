"""`headwater dead-letters MODULE`: the events that were set aside; requeue or drop them.

Exit status: 0 done · 1 a dead letter that was named is not there, or nothing was confirmed; nothing
was changed · 2 the module, the database, a name or the call is wrong; nothing was changed.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "list the events that a service set aside, requeue or drop them"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import json
    import sys
    from typing import Annotated, Any

    import typer
    from headwater.errors import ConfigurationError
    from headwater.operations.management import Management
    from headwater.operations.masking import data_of, masked_data_of
    from headwater.service import Service
    from headwater.stores.contract import DeadLetter

    from .command_line import Database, Json, Module, Personal, call, managing
    from .loading import find_subscription, load_service
    from .printing import printable, write_json, write_line, write_table

    def dead_letters(
        module: Module,
        names: Annotated[
            list[str] | None,
            typer.Argument(metavar="[NAME]...", help="Subscriptions; without any, all of them."),
        ] = None,
        database: Database = None,
        *,
        ids: Annotated[
            list[int] | None,
            typer.Option("--id", metavar="ID", help="Only this one; may be repeated."),
        ] = None,
        requeue: Annotated[
            bool, typer.Option("--requeue", help="Have them handed out again, as new.")
        ] = False,
        drop: Annotated[
            bool, typer.Option("--drop", help="Forget them and what they hold, for good.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Drop without asking.")] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")
        ] = False,
        data: Annotated[bool, typer.Option("--data", help="Show what the events hold.")] = False,
        personal: Personal = False,
        as_json: Json = False,
    ) -> int:
        """List dead letters: events set aside after their last failure, oldest first.

        Requeue them when the cause is mended; a running service takes them up at once:

            headwater dead-letters services.user_service
            headwater dead-letters services.user_service invitation-processor --id 3 --data
            headwater dead-letters services.user_service invitation-processor --requeue

        With --data, what is about a person shows as *** unless --personal is given; --json gives
        it as recorded.
        """
        if requeue and drop:
            raise ConfigurationError("--requeue and --drop exclude each other")
        if (requeue or drop) and not (names or ids):
            raise ConfigurationError(
                "name the subscriptions, or the dead letters with --id, to requeue or drop"
            )
        service = load_service(module)
        chosen = [find_subscription(service, name) for name in names or ()]

        async def work(management: Management) -> int:
            letters = [
                letter
                for one in chosen or service.subscriptions
                for letter in await management.dead_letters(one)
                if not ids or letter.id in ids
            ]
            if missing := sorted(set(ids or ()) - {one.id for one in letters}):
                there_is = ", ".join(map(str, missing))
                sys.stderr.write(f"headwater dead-letters: not there: {there_is}\n")
                return 1
            if requeue or drop:
                return await change(management, letters)
            show(service, letters)
            return 0

        async def change(management: Management, letters: list[DeadLetter]) -> int:
            done = "requeued" if requeue else "dropped"
            if dry_run:
                tell(f"would be {done}", len(letters))
                return 0
            if drop and letters and not yes and not confirmed(len(letters)):
                sys.stderr.write("headwater dead-letters: nothing was dropped\n")
                return 1
            if requeue:
                count = await management.requeue(*letters)
            else:
                count = await management.drop(*letters)
            tell(done, count)
            return 0

        def tell(what: str, count: int) -> None:
            if as_json:
                write_json([{what.replace(" ", "_"): count}])
            else:
                write_line(f"{count} {'dead letter' if count == 1 else 'dead letters'} {what}")

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
                        else masked_data_of(letter.event, service.registry)
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
            "set_aside_at": letter.set_aside_at,
            "error": letter.error,
        }

    def confirmed(count: int) -> bool:
        if not sys.stdin.isatty():
            raise ConfigurationError("--drop needs --yes where nobody can be asked")
        what = "1 dead letter" if count == 1 else f"{count} dead letters"
        return typer.confirm(f"Drop {what} for good?", err=True)

    return call(dead_letters, argv, "dead-letters")
