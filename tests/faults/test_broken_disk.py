"""What the writer of a file does when the disk fails it, at one statement after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from headwater import App, OutcomeUnknownError
from headwater.errors import StoreUnavailableError

from tests.faults.actors import mark_of
from tests.faults.failpoints import Failpoint, Failpoints
from tests.faults.ledger import ENTRIES, Enter, Handlers, ledger

pytestmark = pytest.mark.row("S2")

DEADLINE = 5.0  # seconds


@pytest.mark.parametrize(
    ("statements", "error"),
    [
        (["BEGIN IMMEDIATE"], StoreUnavailableError),
        (["INSERT INTO workflows"], StoreUnavailableError),
        (["INSERT INTO events"], StoreUnavailableError),
        (["UPDATE streams"], StoreUnavailableError),
        (["COMMIT"], OutcomeUnknownError),
        (["INSERT INTO events", "ROLLBACK"], StoreUnavailableError),
    ],
)
async def test_a_write_that_fails_is_told_and_the_next_one_works(
    tmp_path: Path, statements: list[str], error: type[Exception]
) -> None:
    """Nothing of it is there, and the writer goes on, on another connection if need be."""
    told: list[str] = []
    points: list[Failpoint] = [
        Failpoint(name=one, statement=one, action="fail") for one in statements
    ]
    for point in points:
        point.hit = 10**9
    with Failpoints(points, told.append):
        async with App(
            ledger(handler=False),
            handlers=Handlers(),
            database=f"sqlite:///{tmp_path / 'ledger.db'}",
            retention_interval=0,  # which would write as well
        ) as app:
            await app.execute(Enter(account="a", marks=["1"]))
            for point in points:
                point.hits, point.hit = 0, 1
            with pytest.raises(error):
                await app.execute(Enter(account="a", marks=["2"]), deadline=DEADLINE)
            await app.execute(Enter(account="a", marks=["3"]), deadline=DEADLINE)
            store = app._store
            recorded = await store.read(ENTRIES, 0, 10)

    assert [(one.offset, mark_of(one.data)) for one in recorded] == [(1, "1"), (2, "3")]
    assert told == statements


async def test_a_bug_in_the_writer_is_told_and_does_not_end_it(tmp_path: Path) -> None:
    """Whatever it is: nobody waits for ever, and the app can close."""
    told: list[str] = []
    point = Failpoint(name="bug", statement="BEGIN IMMEDIATE", action="bug", hit=10**9)
    database = f"sqlite:///{tmp_path / 'ledger.db'}"
    with Failpoints([point], told.append):
        service = ledger(handler=False)
        async with App(
            service, handlers=Handlers(), database=database, retention_interval=0
        ) as app:
            point.hits, point.hit = 0, 1
            with pytest.raises(OutcomeUnknownError, match="nobody thought of this"):
                await app.execute(Enter(account="a", marks=["1"]), deadline=DEADLINE)
            await app.execute(Enter(account="a", marks=["2"]), deadline=DEADLINE)

    assert told == ["bug"]
