"""What is particular to consumer groups in a PostgreSQL database: who meets at one row."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
from headwater.errors import DeliveryLostError
from headwater.stores.contract import (
    Committed,
    Connection,
    Expect,
    FeedKey,
    Outcome,
    Rejected,
    Unit,
)
from headwater.stores.groups import PARTITIONS, GroupLetter, Ownership, Unsettled
from headwater.stores.postgres.batch import Batch, batches
from headwater.stores.postgres.progress import COMMIT_WITH_PROGRESS
from headwater.stores.postgres.store import PostgresStore
from headwater.stores.postgres.units import COMMIT_UNITS
from headwater.stores.postgres.wire import Limits
from headwater.testing.conformance.examples import STREAMS, new_event, unit
from headwater.testing.conformance.groups import PARTITION, Sessions, group, progress
from sqlalchemy import text

from tests.support.postgres import Cluster, require_binaries
from tests.support.waiting import eventually

LIMITS = Limits(lock=5.0, statement=8.0, idle=5.0, connect=5.0, spare=1.0)
TAKE = "UPDATE cursors SET owner_epoch = owner_epoch + 1, owner = 'heir' WHERE consumer = $1"


@pytest.fixture
async def store(own_postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(own_postgres_url, limits=LIMITS)
    await store.open(STREAMS)
    await store.register_group(group())
    yield store
    await store.close()


@pytest.fixture
async def other(own_postgres_url: str, store: PostgresStore) -> AsyncIterator[PostgresStore]:
    """The same database, as another process has it."""
    other = PostgresStore(own_postgres_url, limits=LIMITS)
    await other.open(STREAMS)
    await other.register_group(group())
    yield other
    await other.close()


@pytest.fixture
async def session(own_postgres_url: str, store: PostgresStore) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else's connection to the same database."""
    connection = await asyncpg.connect(own_postgres_url)
    yield connection
    connection.terminate()


@pytest.fixture
async def mine(store: PostgresStore) -> Ownership:
    """The partition of cart-1, with three events."""
    sessions = Sessions(store)
    await sessions.join("mine")
    await sessions.balance("mine")
    await store.commit([unit(new_event(), new_event(), new_event())])
    return sessions.owned["mine"][PARTITION]


async def write(store: PostgresStore, *units: Unit) -> list[Outcome]:
    return await store.commit(units)


async def until_somebody_waits(session: asyncpg.Connection) -> None:
    await eventually(
        lambda: session.fetchval(
            "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid IN "
            "(SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        )
    )


def refused(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and isinstance(outcome.error, DeliveryLostError)


# At one row


async def test_progress_that_waited_for_a_hand_over_is_refused(
    store: PostgresStore, session: asyncpg.Connection, mine: Ownership
) -> None:
    """Its statement began while it still owned the partition."""
    transaction = session.transaction()
    await transaction.start()
    await session.execute(TAKE, f"partition-{PARTITION:02d}")
    late = replace(unit(new_event(), to="effect"), progress=(progress(mine, 1),))
    committing = asyncio.ensure_future(write(store, late, unit(new_event(), to="own")))
    await until_somebody_waits(session)
    await transaction.commit()

    outcome, own = await committing

    assert refused(outcome)
    assert own == Committed((4,))
    assert (await store.partitions("group"))[PARTITION].position == 0


async def test_what_comes_in_hand_before_a_hand_over_has_failed_after_it(
    store: PostgresStore, session: asyncpg.Connection, mine: Ownership
) -> None:
    """Whoever takes the partition has begun before, and waits for the row meanwhile."""
    transaction = session.transaction()
    await transaction.start()
    await session.execute("SELECT FROM cursors ORDER BY id FOR UPDATE")
    balancing = asyncio.ensure_future(store.balance("group", "mine", {}))
    await until_somebody_waits(session)
    await session.execute(
        "INSERT INTO deliveries SELECT id, 1, 'cart-1', 0, 1, 'mine', NULL, false FROM cursors "
        "WHERE consumer = $1",
        f"partition-{PARTITION:02d}",
    )
    await transaction.commit()

    share = await balancing

    assert share.taken[PARTITION].unsettled == (Unsettled(1, "cart-1", failures=1),)
    assert share.taken[PARTITION].epoch == mine.epoch + 1


async def test_an_event_is_not_set_aside_behind_one_that_comes_back_meanwhile(
    store: PostgresStore, session: asyncpg.Connection, mine: Ownership
) -> None:
    """The requeue is committed while the progress waits for the partition's row."""
    first, second, _ = await store.read("log", 0, 3)
    await write(store, Unit(progress=(progress(mine, 1, GroupLetter(first, "no", 5)),)))
    transaction = session.transaction()
    await transaction.start()
    await session.execute("SELECT FROM cursors ORDER BY id FOR UPDATE")
    behind = GroupLetter(second, "behind", 0, behind=True)
    committing = asyncio.ensure_future(write(store, Unit(progress=(progress(mine, 2, behind),))))
    await until_somebody_waits(session)
    await session.execute("DELETE FROM dead_letters")
    await transaction.commit()

    [outcome] = await committing

    assert refused(outcome)
    assert await store.dead_letters("group") == []


async def test_of_members_in_two_processes_each_partition_has_one_owner(
    store: PostgresStore, other: PostgresStore
) -> None:
    """Who has a surplus releases it; they all ask at once, again and again."""
    ours, theirs = Sessions(store), Sessions(other)
    for name in ("a", "b", "c"):
        await ours.join(name)
        await theirs.join(name.upper())
    members = [(ours, name) for name in "abc"] + [(theirs, name) for name in "ABC"]
    taken: dict[int, list[int]] = {number: [] for number in range(PARTITIONS)}

    async def turn(sessions: Sessions, name: str) -> bool:
        share = await sessions.balance(name)
        for one in share.taken:
            taken[one.partition].append(one.epoch)
        await sessions.give_up(name, share.surplus)
        return bool(share.taken or share.surplus)

    async with asyncio.timeout(30):
        while any(await asyncio.gather(*(turn(*member) for member in members))):
            pass

    owned = [sessions.owned[name] for sessions, name in members]
    assert sorted(number for one in owned for number in one) == list(range(PARTITIONS))
    assert {len(one) for one in owned} == {10, 11}
    for epochs in taken.values():
        assert sorted(epochs) == list(range(1, len(epochs) + 1)), "each owner has another epoch"


async def test_asking_in_vain_locks_and_writes_nothing(
    store: PostgresStore, session: asyncpg.Connection, mine: Ownership
) -> None:
    """Members ask whenever anything may have changed."""
    known = {one.partition: 1 for one in await store.partitions("group")}
    transaction = session.transaction()
    await transaction.start()
    await session.execute("SELECT FROM cursors FOR UPDATE")
    async with asyncio.timeout(3):
        share = await store.balance("group", "mine", known)
    assert (share.taken, share.lost, share.surplus) == ((), frozenset(), 0)
    await transaction.rollback()


async def test_several_processes_make_the_same_partitions_at_once(
    store: PostgresStore, other: PostgresStore
) -> None:
    wanted = replace(group(), subscription="another")
    await asyncio.gather(*(one.register_group(wanted) for one in (store, other) for _ in range(4)))
    assert [one.epoch for one in await store.partitions("another")] == [0] * PARTITIONS


async def test_what_an_owner_builds_on_is_not_undone_by_a_crash() -> None:
    """It survives the server, and goes on from what it has written down."""
    # What does not wait for the disk is lost with this server.
    cluster = Cluster(require_binaries(), wal_writer_delay="10s", bgwriter_delay="10s")
    try:
        await asyncio.to_thread(cluster.start)
        await cluster.make_template()
        store = PostgresStore(cluster.url("template"))
        await store.open(STREAMS)
        await store.register_group(group())
        sessions = Sessions(store)
        await sessions.join("mine")
        await sessions.balance("mine")
        mine = sessions.owned["mine"][PARTITION]
        await store.commit([unit(new_event(), new_event(), new_event())])
        left = [Unsettled(offset, "cart-1") for offset in (1, 2, 3)]
        taken = Unit(progress=(progress(mine, 3, unsettled=left),), durable=False)
        assert await store.commit([taken]) == [Committed(())]

        await asyncio.to_thread(cluster.restart, "immediate")

        settled = Unit(progress=(progress(mine, 3, settled=[1]),), durable=False)
        async with asyncio.timeout(20):
            while await store.commit([settled]) != [Committed(())]:  # noqa: ASYNC110  (with a deadline)
                await asyncio.sleep(0.05)
        partition = (await store.partitions("group"))[PARTITION]
        assert (partition.position, partition.unsettled) == (1, 2)
        await store.close()
    finally:
        await asyncio.to_thread(cluster.remove)


# One statement


async def test_units_with_progress_share_a_statement_and_those_without_have_one_of_their_own(
    store: PostgresStore, session: asyncpg.Connection, mine: Ownership
) -> None:
    """Of one event the last one counts; one that is refused says nothing."""
    stale = replace(mine, epoch=7)
    retried = Unsettled(2, "cart-1", failures=1, delay=60.0)
    units = (
        Unit(progress=(progress(mine, 2, unsettled=[Unsettled(1, "cart-1"), retried]),)),
        replace(
            unit(new_event(), to="a"),
            progress=(progress(mine, 3, settled=[1], skipped=1), progress(stale, 3, settled=[2])),
        ),
        replace(unit(new_event(), to="b"), progress=(progress(mine, 3, settled=[1], skipped=2),)),
        Unit(progress=(progress(mine, 1, settled=[2], unsettled=[replace(retried, failures=2)]),)),
    )
    assert len(list(batches(units))) == 1
    assert Batch(units).statement == COMMIT_WITH_PROGRESS
    assert Batch((unit(new_event()),)).statement == COMMIT_UNITS

    first, half, second, third = await store.commit(units)

    assert (first, second, third) == (Committed(()), Committed((4,)), Committed(()))
    assert refused(half)
    [row] = await session.fetch("SELECT stream_offset, failures FROM deliveries")
    assert tuple(row) == (2, 2)
    [row] = await session.fetch(
        "SELECT read_to, skipped, event_id = (SELECT id FROM events WHERE stream_offset = 3) "
        "FROM cursors WHERE consumer = $1",
        f"partition-{PARTITION:02d}",
    )
    assert tuple(row) == (3, 2, True)


async def test_letters_of_one_partition_that_wait_for_each_other_come_in_turn(
    store: PostgresStore, mine: Ownership
) -> None:
    first, second, _ = await store.read("log", 0, 3)
    units = (
        Unit(progress=(progress(mine, 1, GroupLetter(first, "no", 5)),)),
        Unit(progress=(progress(mine, 2, GroupLetter(second, "after", 0, behind=True)),)),
    )
    assert len(list(batches(units))) == 2
    assert await store.commit(units) == [Committed(())] * 2
    assert [one.error for one in await store.dead_letters("group")] == ["no", "after"]


# A handler's own transaction


async def test_progress_is_written_with_a_handler_s_own_statements(
    store: PostgresStore, session: asyncpg.Connection, mine: Ownership
) -> None:
    await session.execute("CREATE TABLE notes (text text NOT NULL)")
    insert = text("INSERT INTO notes (text) VALUES (:text)")
    own = await store.begin()
    await own.connection.execute(insert, {"text": "kept"})
    written = replace(unit(new_event(), to="b"), progress=(progress(mine, 1),))
    assert await own.commit(written) == Committed((4,))
    own = await store.begin()
    await own.connection.execute(insert, {"text": "never"})
    stale = progress(replace(mine, epoch=mine.epoch - 1), 3)
    late = replace(unit(new_event(), to="c", expect=Expect.NEW), progress=(stale,))

    assert refused(await own.commit(late))

    assert [row["text"] for row in await session.fetch("SELECT text FROM notes")] == ["kept"]
    assert (await store.statistics("log")).head == 4
    assert (await store.partitions("group"))[PARTITION].position == 1


# Waking, and the database's time


async def test_members_in_other_processes_are_woken(
    store: PostgresStore, other: PostgresStore
) -> None:
    changes = other.group_changes("group")
    await eventually(lambda: other._bell is not None and other._bell.is_listening)
    seen = changes.generation
    begun = time.monotonic()
    await store.connect(Connection("s", FeedKey("group"), "c"), lifetime=60, expire_after=None)
    async with asyncio.timeout(5):
        await changes.wait_after(seen)
    assert time.monotonic() - begun < 0.9, "by a notification, before it would have looked"


async def test_without_notifications_members_look(
    own_postgres_url: str, store: PostgresStore
) -> None:
    quiet = PostgresStore(own_postgres_url, notify=False, poll=(0.005, 0.05))
    await quiet.open(STREAMS)
    await quiet.register_group(group())
    changes = quiet.group_changes("group")
    sessions = Sessions(store)
    await quiet._look()

    async def is_noticed() -> bool:
        seen = changes.generation
        quiet._wake((await quiet._look())[0])
        return changes.generation != seen

    for task in quiet._background:
        task.cancel()
    await sessions.join("a")
    assert await is_noticed()
    await sessions.balance("a")
    assert await is_noticed()
    assert not await is_noticed()
    await sessions.give_up("a", 1)
    assert await is_noticed()
    await store.pause("group")
    assert await is_noticed()
    await store.disconnect("a")
    assert await is_noticed()
    assert not await is_noticed()
    await quiet.close()


async def test_sessions_die_by_the_clock_of_the_database(store: PostgresStore) -> None:
    for name in ("short", "long"):
        await store.connect(
            Connection(name, FeedKey("group"), name),
            lifetime=0.3 if name == "short" else 60.0,
            expire_after=None,
        )
    assert len((await store.balance("group", "short", {})).taken) == 32
    share = await store.balance("group", "long", {})
    assert share.next_due is None or share.next_due <= 0.3
    taken = {one.partition: one for one in share.taken}
    async with asyncio.timeout(5):
        while len(taken) < PARTITIONS:
            known = {number: one.revision for number, one in taken.items()}
            share = await store.balance("group", "long", known)
            taken |= {one.partition: one for one in share.taken}
    assert sum(one.abandoned for one in taken.values()) == 32
