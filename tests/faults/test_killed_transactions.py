"""F11: a service is killed while a handler has a transaction of its own open, or commits it."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from headwater import App, CommandContext
from sqlalchemy import text

from tests.faults.databases import Database, on_both
from tests.support.order_handlers import OrderHandlers
from tests.support.orders import NoteOrder, OrderWorkflow, order_service

pytestmark = pytest.mark.row("F11")

ROOT = Path(__file__).parents[2]
INSERT = text("INSERT INTO notes (order_id) VALUES (:order_id)")
COMMANDS = 1000  # more than a service lives to execute


class Writing(OrderHandlers):
    """Says when a transaction is open; in the one that is told it stays there."""

    def __init__(self, stays_in: int) -> None:
        super().__init__()
        self.left = stays_in

    async def note_order(
        self, command: NoteOrder, workflow: OrderWorkflow, context: CommandContext
    ) -> int:
        connection = await context.connection()
        await connection.execute(INSERT, {"order_id": command.order_id})
        print("open", command.order_id, flush=True)
        self.left -= 1
        if not self.left:
            await asyncio.Event().wait()
        return await super().note_order(command, workflow, context)


async def serve(url: str, first: int, stays_in: int) -> None:
    """Execute commands, four at once, and say of each when it is acknowledged."""
    numbers = iter(range(first, first + COMMANDS))
    async with App(order_service, handlers=Writing(stays_in), database=url, startup=60) as app:

        async def execute() -> None:
            for number in numbers:
                await app.execute(NoteOrder(order_id=number, text="hello"), deadline=120)
                print("done", number, flush=True)

        await asyncio.gather(*(execute() for _ in range(4)))


@on_both
def test_what_a_killed_handler_wrote_is_there_with_its_event_or_not_at_all(
    database: Database, chance: random.Random, whole: bool
) -> None:
    kills = 100 if whole else 6
    asyncio.run(_make(database.url))
    database.ask("CREATE TABLE notes (order_id INTEGER NOT NULL)")
    acknowledged: set[int] = set()
    killed_inside: set[int] = set()
    for round_ in range(kills):
        stays = round_ % 2 == 0  # else it is killed wherever it is
        enough = chance.randint(1, 8)
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.faults.test_killed_transactions", database.url),
                *(str(round_ * COMMANDS), str(enough if stays else 0)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        opened: list[int] = []
        for line in process.stdout:
            what, number = line.split()
            if what == "done":
                acknowledged.add(int(number))
            else:
                opened.append(int(number))
                if len(opened) == enough:
                    break
        process.kill()
        rest, _ = process.communicate(timeout=60)
        for line in rest.splitlines(keepends=True):
            with suppress(ValueError):  # the last one may be cut off
                what, number = line.split()
                if what == "done" and line.endswith("\n"):
                    acknowledged.add(int(number))
        assert process.returncode == -9
        if stays:
            killed_inside.add(opened[-1])

    rows = [row[0] for row in database.ask("SELECT order_id FROM notes")]
    events = database.ask(
        "SELECT stream_offset, workflow_id FROM events WHERE stream = 'orders' ORDER BY 1"
    )
    assert not database.is_locked()
    assert len(killed_inside) == (kills + 1) // 2, "each was killed inside of a transaction"
    assert sorted(rows) == sorted(int(workflow_id) for _, workflow_id in events)
    assert len(set(rows)) == len(rows)
    assert acknowledged <= set(rows)
    assert not killed_inside & set(rows)
    assert [offset for offset, _ in events] == list(range(1, len(events) + 1))


async def _make(url: str) -> None:
    async with App(order_service, handlers=OrderHandlers(), database=url):
        pass


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
