"""D11: an operator acts while a service runs, by the command line, twice, and is killed at it."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from headwater import App, EventContext, manage

from tests.faults.databases import on_both
from tests.faults.ledger import Enter, Entered, Handlers
from tests.faults.operated import service
from tests.faults.world import World

ROOT = Path(__file__).parents[2]
MODULE = "tests.faults.operated"
ACCOUNTS = [f"account-{number}" for number in range(6)]
POISONED = ACCOUNTS[:2]
PATIENCE = 120.0  # seconds

pytestmark = [pytest.mark.row("D11"), pytest.mark.asyncio]
[POSTING] = service.subscriptions


class Posting(Handlers):
    """Notes what it handles; what is poisoned it cannot bear until it is mended."""

    def __init__(self) -> None:
        self.is_mended = False
        self.handled: list[tuple[str, int]] = []  # account and place in it

    async def post(self, event: Entered, context: EventContext) -> None:
        if event.behave == "poison" and not self.is_mended:
            raise ValueError("cannot bear it")
        self.handled.append((context.workflow_id, context.recorded.workflow_version or 0))

    def by_account(self, after: int = 0) -> dict[str, list[int]]:
        """What was handled of each account, in order, since so many were."""
        found: dict[str, list[int]] = defaultdict(list)
        for account, place in self.handled[after:]:
            found[account].append(place)
        return found


async def headwater(world: World, *arguments: str, kill_after: float | None = None) -> Any:
    """What the verb prints, as JSON; `None` if it was killed before it was done."""
    verb, word, *others = arguments
    words = [verb, *([word] if word else []), MODULE, *others, "--json"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "headwater", *words),
        cwd=ROOT,
        env={"HEADWATER_DATABASE": world.database.url, "PATH": "", "USER": "ada"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    if kill_after is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(kill_after):
                await process.wait()
        with suppress(ProcessLookupError):
            process.kill()
    out, err = await process.communicate()
    if process.returncode != 0:
        assert kill_after is not None, err.decode()
        return None
    return [json.loads(line) for line in out.splitlines()]


async def settled(app: App[Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await app.progress(POSTING)).pending:  # noqa: ASYNC110  (with a deadline)
            await asyncio.sleep(0.02)


async def enter(app: App[Any], account: str, behave: str = "") -> None:
    await app.execute(Enter(account=account, marks=["m"], behave=behave))


@on_both
async def test_a_poisoned_set_is_requeued_by_the_command_line_in_order_and_nothing_else(
    world: World,
) -> None:
    """The dry run says how many, the others never wait, and a second time does nothing."""
    handlers = Posting()
    async with App(service, handlers=handlers, database=world.database.url) as app:
        for place in range(1, 5):
            for account in ACCOUNTS:
                await enter(app, account, "poison" if place == 2 and account in POISONED else "")
        await settled(app)
        assert handlers.by_account() == {
            account: [1] if account in POISONED else [1, 2, 3, 4] for account in ACCOUNTS
        }
        letters = await headwater(world, "dead-letters", "requeue", "--all", "--dry-run")
        assert letters == [{"would_be_requeued": 6}]
        chosen = ("dead-letters", "requeue", "--error", "cannot bear")
        assert await headwater(world, *chosen, "--dry-run") == [{"would_be_requeued": 6}]
        before = len(handlers.handled)

        handlers.is_mended = True
        assert await headwater(world, *chosen) == [{"requeued": 6}]
        assert await headwater(world, *chosen) == [{"requeued": 0}]
        await settled(app)

        assert handlers.by_account(before) == {account: [2, 3, 4] for account in POISONED}
        assert await app.dead_letters(POSTING) == []
        [line] = await headwater(world, "subscriptions", "audit")
        assert (line["act"], line["subscription"]) == ("requeue", POSTING.name)
        assert len(line["detail"]["letters"]) == 6


@on_both
async def test_acts_of_an_operator_who_is_killed_are_done_or_not_and_all_that_are_are_written_down(
    world: World, whole: bool, chance: random.Random
) -> None:
    """Each is called twice, while events come; at the end nothing is lost or left."""
    acts = 200 if whole else 8
    handlers = Posting()
    returned: Counter[str] = Counter()
    attempted: Counter[str] = Counter()
    entered: Counter[str] = Counter()
    async with App(service, handlers=handlers, database=world.database.url) as app:

        async def act(number: int) -> None:
            kind = ("pause", "reset", "requeue", "resume")[number % 4]
            words = {
                "pause": ("subscriptions", POSTING.name, "--pause"),
                "resume": ("subscriptions", POSTING.name, "--resume"),
                "requeue": ("dead-letters", "requeue", "--all"),
                "reset": ("subscriptions", "reset", POSTING.name, "--to", "1", "--force", "--yes"),
            }[kind]
            for _ in range(2):
                attempted[kind] += 1
                kill_after = chance.uniform(0.3, 1.5) if chance.random() < 0.5 else None
                returned[kind] += await call(words, kill_after) is not None

        async def call(words: tuple[str, ...], kill_after: float | None) -> Any:
            if words[1] == POSTING.name:  # no word of its own before the module
                words = (words[0], "", *words[1:])
            return await headwater(world, *words, kill_after=kill_after)

        for number in range(acts):
            for account in ACCOUNTS:
                behave = "poison" if account in POISONED and number == 0 else ""
                await enter(app, account, behave)
                entered[account] += 1
            await act(number)
        handlers.is_mended = True
        await app.resume(POSTING)
        await app.requeue(*await app.dead_letters(POSTING))
        await settled(app)

        assert await app.dead_letters(POSTING) == []
        assert {account: {*places} for account, places in handlers.by_account().items()} == {
            account: {*range(1, count + 1)} for account, count in entered.items()
        }
    async with manage(service, world.database.url) as management:
        lines = await management.acts(limit=10_000)
    found = Counter(line.what for line in lines)
    assert returned["reset"] <= found["reset"] <= attempted["reset"]
    assert found["requeue"] <= attempted["requeue"] + 1
    switches = [line.what for line in lines if line.what in {"pause", "resume"}]
    assert switches == [("pause", "resume")[place % 2] for place in range(len(switches))]
    assert {line.subject for line in lines} == {POSTING.name}
