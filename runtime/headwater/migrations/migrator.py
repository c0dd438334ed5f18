"""Upgrade, downgrade, status, SQL and verification of one database, for one service or none.

The runtime's branch goes first on the way up, because what a service's revisions do is done to its
tables, and last on the way down.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

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

Steps: TypeAlias = Callable[[Any, Any], Any]
"""What alembic has to do, given where a database is."""

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
            found = await database.found()
            if self._chain:
                refuse_unknown(database.shown, found, self._chain)
            elif runtime_revision(found) not in (None, *self._history.runtime):
                require_tables(database.shown, found)
            undone = self._above(self._history.applied(found, self._ids), to)
            operations = [one for id_ in undone for one in self._history.operations(id_)]
            if not self._chain:
                self._require_no_services(database, found, operations)
            if not accept_loss and undone:
                await self._require_no_events(database, operations)
            return await database.run(lambda one: self._undo(one, database, undone))

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
        known = (*self._history.runtime, *(self._chain.revisions if self._chain else ()))
        if start not in (None, BASE, *known):
            raise ConfigurationError(f"there is no revision {start!r}; there are {_listed(known)}")
        if is_downgrade:
            undone = self._above(frozenset(self._ids), start)
            return self._script([(self._ids[-1], undone)]) if undone else ""
        own = start if start in self._history.runtime else None
        service = start if self._chain and start in self._chain.revisions else None
        steps: list[tuple[str | None, str | Sequence[str]]] = []
        if service is None and own != self._newest():
            steps.append((own, self._newest()))
        if self._chain and self._chain.newest not in (None, service):
            steps.append((service, self._chain.newest or BASE))
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

    @property
    def _ids(self) -> tuple[str, ...]:
        """The revisions that a downgrade is about, parents first."""
        return self._chain.revisions if self._chain else self._history.runtime

    def _above(self, applied: frozenset[str], to: str | None) -> tuple[str, ...]:
        """Those of the applied revisions that are to be taken back, children first."""
        there = [one for one in self._ids if one in applied]
        if to is None:
            return tuple(there[-1:])
        if to != BASE and to not in there:
            raise ConfigurationError(
                f"there is no revision {to!r} to go back to; there are {_listed((BASE, *there))}"
            )
        kept = self._history.applied([to], self._ids)
        return tuple(one for one in reversed(there) if one not in kept)

    def _move(self, connection: Connection, database: Database, target: str) -> list[str]:
        """Have alembic go up to the target; the revisions that it passed."""
        return self._run(connection, database, self._up(target))

    def _undo(
        self, connection: Connection, database: Database, revisions: Sequence[str]
    ) -> list[str]:
        """Have alembic take back the revisions; those that it did."""
        return self._run(connection, database, self._down(revisions))

    def _run(self, connection: Connection, database: Database, steps: Steps) -> list[str]:
        done: list[str] = []

        def note(
            ctx: MigrationContext,
            step: MigrationInfo,
            heads: Collection[Any],
            run_args: Mapping[str, Any],
        ) -> None:
            done.append(str(step.up_revision_id))

        with self._environment(steps) as environment:
            environment.configure(
                connection=connection,
                version_table=REVISIONS_TABLE,
                transactional_ddl=True,
                transaction_per_migration=database.per_revision,
                on_version_apply=note,
                headwater=self._setting,
            )
            context = environment.get_context()
            # Alembic gives up at a revision that it has no file of, such as another service's.
            known = tuple(filter(self._history.has, context.get_current_heads()))
            context.get_current_heads = lambda: known  # type: ignore[method-assign]
            with environment.begin_transaction():
                environment.run_migrations()
        return done

    def _script(self, moves: Iterable[tuple[str | None, str | Sequence[str]]]) -> str:
        """The SQL of going from a revision up to another one, or of taking some back."""
        written = io.StringIO()
        for start, target in moves:
            if self.dialect == "sqlite" and start is None and target == self._newest():
                # What a service knows its files by.
                written.write(f"PRAGMA application_id = {APPLICATION_ID};\n")
                written.write(f"PRAGMA user_version = {STAMPED};\n\n")
            steps = self._up(target) if isinstance(target, str) else self._down(target)
            # For alembic the table of revisions is there if some are; the runtime's always are.
            since = self._newest() if start is None and target != self._newest() else start
            with self._environment(steps, as_sql=True, starting_rev=since) as environment:
                environment.configure(
                    dialect_name=self.dialect,
                    dialect_opts={"paramstyle": "named"},
                    version_table=REVISIONS_TABLE,
                    transactional_ddl=True,
                    transaction_per_migration=True,
                    as_sql=True,
                    literal_binds=True,
                    output_buffer=written,
                    headwater=self._setting,
                )
                with environment.begin_transaction():
                    environment.run_migrations()
        return written.getvalue()

    def _up(self, target: str) -> Steps:
        # As alembic's own commands do; there is no other way to give it a script directory.
        return lambda found, context: self._history.script._upgrade_revs(target, found)

    def _down(self, revisions: Sequence[str]) -> Steps:
        from alembic.runtime.migration import MigrationStep

        script = self._history.script
        return lambda found, context: [
            MigrationStep.downgrade_from_script(script.revision_map, script.get_revision(one))
            for one in revisions
        ]

    def _environment(self, steps: Steps, **options: object) -> EnvironmentContext:
        from alembic.config import Config
        from alembic.runtime.environment import EnvironmentContext

        return EnvironmentContext(Config(), self._history.script, fn=steps, **options)

    @property
    def _setting(self) -> Setting:
        return Setting(self.dialect, self._tables_of_runtime, self._schema)

    def _tables_of_runtime(self, revision: str | tuple[str, ...] | None) -> Tables:
        if revision is None or revision in self._history.runtime:
            return self._history.tables(revision if isinstance(revision, str) else None)
        return self._history.tables()

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


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
