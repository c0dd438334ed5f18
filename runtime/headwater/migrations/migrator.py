"""Upgrade, downgrade, status, SQL and verification of one database, for one service or none.

The runtime's branch goes first on the way up, because what a service's revisions do is done to its
tables, and last on the way down.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headwater.errors import ConfigurationError, EventsWouldBeLostError, SchemaMismatchError
from headwater.evolution import Schemas
from headwater.schema.operations import AddSchema, AddStream, CreateTable, Operation, Tables
from headwater.schema.revisions import (
    FIRST_REVISION,
    REVISION,
    REVISIONS_TABLE,
    RUNTIME,
    Chain,
    runtime_revision,
)
from headwater.stores.revisions import refuse_unknown, require_tables
from headwater.stores.sqlite.file import APPLICATION_ID, STAMPED

from .databases import LOCK_TIMEOUT, Database, dialect_of, opened
from .execution import Dialect, Setting
from .history import History
from .package import Migrations

if TYPE_CHECKING:
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext, MigrationInfo
    from sqlalchemy.engine import Connection

__all__ = ["BASE", "BranchStatus", "Migrator"]

BASE = "base"  # before the first revision


@dataclass(frozen=True, slots=True)
class BranchStatus:
    """How far a database is on one branch."""

    branch: str
    found: str | None
    """The revision that it is at; `None` before the first."""
    newest: str | None
    """The one that this code works with."""
    is_known: bool
    """Whether this code knows the found one, or may replace it."""

    @property
    def is_current(self) -> bool:
        """Whether nothing is to be done."""
        return self.found == self.newest


class Migrator:
    """Migrates a database for the runtime, and for a service if its `migrations` are given.

    `lock_timeout` is how many seconds to wait for whoever else migrates it. A run that is cut off,
    at whatever moment, is finished by the next one.

    Raises:
        ConfigurationError: The database has no tables, or the extra `sql` is not installed.
    """

    def __init__(
        self,
        database: str,
        migrations: Migrations | None = None,
        schemas: Schemas | None = None,
        *,
        lock_timeout: float = LOCK_TIMEOUT,
        history: History | None = None,
    ) -> None:
        self.dialect: Dialect = dialect_of(database)
        self._database = database
        self._lock_timeout = lock_timeout
        self._chain = migrations.chain() if migrations else None
        self._schemas = schemas
        self._history = history or History(migrations.folder if migrations else None)
        if self._chain:
            self._history.require(self._chain)

    async def upgrade(self) -> list[str]:
        """Carry out what is missing; the revisions that were, in order.

        Tables from before there were revisions are compared with those of the first one, and count
        as that if they are the same.

        Raises:
            SchemaMismatchError: Newer code was here, or the tables are not what they should be.
            MigrationLockedError: Somebody else had the database for too long.
            StoreUnavailableError: The server does not answer, or refuses.
        """
        async with self._locked() as database:
            await self._adopt(database)
            found = await database.found()
            there = runtime_revision(found)
            if there not in (None, *self._history.runtime):
                require_tables(database.shown, found)
            if there is None:
                await self._require_room(database)
            done = await database.run(lambda one: self._move(one, database, self._newest()))
            if (chain := self._chain) is None:
                return done
            found = await database.found()
            refuse_unknown(database.shown, found, chain)
            replaced = sorted(chain.mine(found) - set(chain.revisions))
            if replaced:
                # Drafts that are there no more: all that the branch does can be done again.
                await database.forget(replaced)
            if chain.newest is not None:
                target = chain.newest
                done += await database.run(lambda one: self._move(one, database, target))
            return done

    async def downgrade(self, to: str | None = None, *, accept_loss: bool = False) -> list[str]:
        """Take back revisions, the newest first; those that were.

        They are the service's, if there is one, else the runtime's. `to` is the one that is left
        standing, or `base` for none; by default one is taken back.

        Raises:
            EventsWouldBeLostError: Events would be gone; say `accept_loss` if they may be.
            ConfigurationError: There is no such revision, or a service's would be left without the
                tables that it needs.
            SchemaMismatchError: Newer code was here.
        """
        async with self._locked() as database:
            await self._adopt(database)
            ids = self._chain.revisions if self._chain else self._history.runtime
            found = await database.found()
            if self._chain:
                refuse_unknown(database.shown, found, self._chain)
            at = next((one for one in reversed(ids) if one in found), None)
            if at is None:
                if not self._chain:
                    require_tables(database.shown, found)
                return []
            undone = _above(ids, at, to)
            operations = [one for id_ in undone for one in self._history.operations(id_)]
            if not self._chain:
                self._require_no_services(database, found, operations)
            if not accept_loss:
                await self._require_no_events(database, operations)
            left = ids[ids.index(undone[-1]) - 1] if undone and ids[0] != undone[-1] else BASE
            if not undone:
                return []
            branch = self._chain.branch if self._chain else RUNTIME.upper()
            target = f"{branch}@{BASE}" if left == BASE else left
            return await database.run(
                lambda one: self._move(one, database, target, is_downgrade=True)
            )

    async def status(self) -> list[BranchStatus]:
        """How far the database is on each branch. Nothing is changed."""
        async with opened(self._database, lock=False) as database:
            found = await database.found()
            there = runtime_revision(found)
            if there is None and await database.is_unstamped():
                there = f"{FIRST_REVISION}, not stamped"
            is_known = there in (None, f"{FIRST_REVISION}, not stamped", *self._history.runtime)
            branches = [BranchStatus(RUNTIME, there, self._newest(), is_known)]
            if chain := self._chain:
                there = max(chain.mine(found), default=None)
                is_known = chain.unknown(found) is None
                branches.append(BranchStatus(chain.branch, there, chain.newest, is_known))
            return branches

    async def verify(self) -> list[str]:
        """What tells the database from what this code declares, a sentence each.

        Its tables are compared part by part and, for a service, its streams and the schemas of its
        event versions. Nothing is changed.
        """
        async with opened(self._database, lock=False) as database:
            tables = self._history.tables()
            problems = await database.differences(tables.values())
            if not await database.is_unstamped():
                problems += [
                    f"branch {one.branch} is at {one.found or BASE}, and should be at "
                    f"{one.newest or BASE}"
                    for one in await self.status()
                    if not one.is_current
                ]
            else:
                problems.append("there is no record of revisions: run `headwater migrate upgrade`")
            if self._chain and not problems:
                problems += await self._missing_rows(database, self._chain)
            return problems

    def sql(self, start: str | None = None, *, is_downgrade: bool = False) -> str:
        """The SQL of an upgrade from nothing, or from the revision `start`, as a script.

        It is for a database administrator to read and to run; nothing is connected to. With
        `is_downgrade` it is that of taking back the newest revision, or all above `start`.

        Raises:
            ConfigurationError: There is no such revision.
        """
        ids = self._chain.revisions if self._chain else self._history.runtime
        known = (*self._history.runtime, *(self._chain.revisions if self._chain else ()))
        if start not in (None, BASE, *known):
            raise ConfigurationError(f"there is no revision {start!r}; there are {_listed(known)}")
        if is_downgrade:
            undone = _above(ids, ids[-1], start) if ids else ()
            lowest = ids.index(undone[-1]) if undone else 0
            branch = self._chain.branch if self._chain else RUNTIME.upper()
            left = ids[lowest - 1] if lowest else f"{branch}@{BASE}"
            return self._script([(ids[-1], left)], is_downgrade=True) if undone else ""
        steps = []
        if start not in self._history.runtime[-1:] and start not in (
            self._chain.revisions if self._chain else ()
        ):
            steps.append((start if start in self._history.runtime else None, self._newest()))
        if self._chain and self._chain.newest and start != self._chain.newest:
            since = start if start in self._chain.revisions else None
            steps.append((since, self._chain.newest))
        return self._script(steps)

    def _locked(self) -> AbstractAsyncContextManager[Database]:
        return opened(self._database, lock=True, patience=self._lock_timeout)

    def _newest(self) -> str:
        return self._history.runtime[-1]

    async def _require_room(self, database: Database) -> None:
        """Return if there are none of the tables that are to be made."""
        tables = self._history.tables()
        missing = {f"table {name} is missing" for name in tables}
        if missing - set(await database.differences(tables.values())):
            what_to_do = "it has tables of the same names; use another database, or another schema"
            raise SchemaMismatchError(database.shown, None, REVISION, what_to_do)

    async def _adopt(self, database: Database) -> None:
        """Stamp tables from before there were revisions, if they are what they should be."""
        if not await database.is_unstamped():
            return
        if problems := await database.differences(self._history.tables(FIRST_REVISION).values()):
            raise SchemaMismatchError(
                database.shown,
                "from before there were any",
                FIRST_REVISION,
                f"they are not as an earlier Headwater has made them: {'; '.join(problems)}",
            )
        await database.stamp()

    def _move(
        self,
        connection: Connection,
        database: Database,
        target: str,
        *,
        is_downgrade: bool = False,
    ) -> list[str]:
        """Have alembic go to the target; the revisions that it passed."""
        done: list[str] = []

        def note(
            ctx: MigrationContext,
            step: MigrationInfo,
            heads: Collection[Any],
            run_args: Mapping[str, Any],
        ) -> None:
            done.append(str(step.up_revision_id))

        with self._environment(target, is_downgrade=is_downgrade) as environment:
            environment.configure(
                connection=connection,
                version_table=REVISIONS_TABLE,
                transactional_ddl=True,
                transaction_per_migration=database.per_revision,
                on_version_apply=note,
                headwater=self._setting,
            )
            with environment.begin_transaction():
                environment.run_migrations()
        return done

    def _script(
        self, steps: Iterable[tuple[str | None, str]], *, is_downgrade: bool = False
    ) -> str:
        """The SQL of going from one revision to another, for each pair."""
        written = io.StringIO()
        is_first = True
        if self.dialect == "sqlite" and not is_downgrade:
            # What a service knows its files by.
            written.write(f"PRAGMA application_id = {APPLICATION_ID};\n")
            written.write(f"PRAGMA user_version = {STAMPED};\n\n")
        for start, target in steps:
            if not is_downgrade and start is None and not is_first:
                start = self._newest()  # noqa: PLW2901  (so that alembic knows its table to be there)
            with self._environment(
                target, is_downgrade=is_downgrade, as_sql=True, starting_rev=start
            ) as environment:
                environment.configure(
                    dialect_name=self.dialect,
                    dialect_opts={"paramstyle": "named"},
                    version_table=REVISIONS_TABLE,
                    transactional_ddl=True,
                    transaction_per_migration=True,
                    as_sql=True,
                    output_buffer=written,
                    headwater=self._setting,
                )
                with environment.begin_transaction():
                    environment.run_migrations()
            is_first = False
        return written.getvalue()

    def _environment(
        self, target: str, *, is_downgrade: bool, **options: object
    ) -> EnvironmentContext:
        from alembic.config import Config
        from alembic.runtime.environment import EnvironmentContext

        script = self._history.script

        def steps(found: Any, context: MigrationContext) -> object:
            if is_downgrade:
                return script._downgrade_revs(target, found)
            return script._upgrade_revs(target, found)

        return EnvironmentContext(Config(), script, fn=steps, destination_rev=target, **options)

    @property
    def _setting(self) -> Setting:
        return Setting(self.dialect, self._tables_of_runtime, self._schema)

    def _tables_of_runtime(self, revision: str | None) -> Tables:
        is_own = revision is None or revision in self._history.runtime
        return self._history.tables(revision if is_own else self._newest())

    def _schema(self, event: str, version: int) -> str | None:
        if self._schemas is None or (event, version) not in self._schemas.digests():
            return None
        return self._schemas.read(event, version)

    def _require_no_services(
        self, database: Database, found: Iterable[str], operations: Sequence[Operation]
    ) -> None:
        others = sorted(one for one in found if one not in self._history.runtime)
        if others and any(isinstance(one, CreateTable) for one in operations):
            raise ConfigurationError(
                f"{database.shown} has what {_listed(others)} has made: take that back first, with "
                "`headwater migrate downgrade MODULE --to base`"
            )

    async def _require_no_events(self, database: Database, operations: Sequence[Operation]) -> None:
        rows = await database.rows(
            "SELECT name, head - first_offset + 1 FROM streams WHERE head >= first_offset"
        )
        letters = dict(
            await database.rows("SELECT stream, count(*) FROM dead_letters GROUP BY stream")
        )
        held = dict(rows)
        every = any(
            isinstance(one, CreateTable) and one.table.name in {"events", "dead_letters"}
            for one in operations
        )
        gone = {one.name for one in operations if isinstance(one, AddStream)}
        lost = {
            name: held.get(name, 0) + letters.get(name, 0)
            for name in sorted({*held, *letters})
            if every or name in gone
        }
        if lost:
            raise EventsWouldBeLostError(database.shown, sum(lost.values()), list(lost))

    async def _missing_rows(self, database: Database, chain: Chain) -> list[str]:
        streams = dict(await database.rows("SELECT name, type FROM streams"))
        known = {
            (name, version): digest
            for name, version, digest in await database.rows(
                "SELECT name, version, digest FROM event_schemas"
            )
        }
        wanted: dict[tuple[str, int], str] = {}
        problems = []
        for revision in chain.revisions:
            for one in self._history.operations(revision):
                if isinstance(one, AddStream) and streams.get(one.name) != one.type:
                    there = streams.get(one.name, "missing")
                    problems.append(f"stream {one.name} is {there}, and should be {one.type}")
                if isinstance(one, AddSchema):
                    wanted[one.event, one.version] = one.digest
        for (event, version), digest in wanted.items():
            if self._schema(event, version) is not None and known.get((event, version)) != digest:
                what = "another" if (event, version) in known else "missing"
                problems.append(f"the schema of {event} version {version} is {what}")
        return problems


def _above(ids: Sequence[str], at: str, to: str | None) -> tuple[str, ...]:
    """The revisions to take back, the newest first."""
    place = ids.index(at)
    if to is None:
        return (at,)
    if to != BASE and to not in ids[: place + 1]:
        raise ConfigurationError(
            f"there is no revision {to!r} to go back to; there are {_listed((BASE, *ids[:place]))}"
        )
    lowest = 0 if to == BASE else ids.index(to) + 1
    return tuple(reversed(ids[lowest : place + 1]))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
