"""A PostgreSQL server as tests use it: databases are made on it, asked, and dropped again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from headwater.migrations.migrator import Migrator
from headwater.schema.tables import TABLES

__all__ = ["LOOPBACK", "Server", "as_user", "by_way_of"]

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
NAMES = count(1)
TEMPLATE = "template"  # stands for the database with our tables that others are copies of


class Server:
    """One that runs, whoever has started it.

    Its `address` is `postgresql://user:password@host:port/database`, without options; the user is a
    superuser there.
    """

    def __init__(self, address: str) -> None:
        self._address = urlsplit(address)
        if self._address.query:
            raise ValueError(f"{address}: options in the URL of a server for tests")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="postgres")
        # Other test runs may be on the same server.
        self._template = f"headwater_test_template_{os.getpid()}"
        self._made: set[str] = set()

    def remove(self) -> None:
        """Be done with it, and leave nothing there."""
        for name in (self._template, *self._made.copy()):
            self.run(self.drop_database(self.url(name)))
        self._thread.shutdown()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work in an event loop of its own, from a fixture that has none."""
        return self._thread.submit(asyncio.run, work).result()

    # Where it is

    @property
    def host(self) -> str:
        """Of its address."""
        return self._address.hostname or "localhost"

    @property
    def port(self) -> int:
        """Of its address."""
        return self._address.port or 5432

    @property
    def user(self) -> str:
        """Who the tests are there."""
        return self._address.username or "postgres"

    @property
    def password(self) -> str:
        """Of that user, empty where it needs none."""
        return self._address.password or ""

    def url(self, database: str = "") -> str:
        """Where the database is; without one, that from which others are made."""
        if not database:
            return urlunsplit(self._address)
        name = self._template if database == TEMPLATE else database
        return urlunsplit(self._address._replace(path=f"/{name}"))

    # Databases

    async def administer(self, *statements: str, database: str = "") -> None:
        """Run statements as the superuser, each in a transaction of its own."""
        connection = await asyncpg.connect(self.url(database))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def make_template(self) -> None:
        """Have a database with our tables, for others to be copies of."""
        await self.administer(f"CREATE DATABASE {self._template}")
        await Migrator(self.url(TEMPLATE)).upgrade()

    async def create_database(self, template: str = "template1") -> str:
        """The URL of a new database: a copy of `template`, which is ours, or of another one."""
        name = f"headwater_test_{os.getpid()}_{next(NAMES)}"
        original = self._template if template == TEMPLATE else template
        await self.administer(f"CREATE DATABASE {name} TEMPLATE {original}")
        self._made.add(name)
        return self.url(name)

    async def empty_database(self, url: str) -> None:
        """Have our tables as new, and nobody connected: quicker than another copy."""
        await self.terminate_backends(url)
        tables = ", ".join(table.name for table in TABLES)
        await self.administer(f"TRUNCATE {tables} RESTART IDENTITY", database=_name_in(url))

    async def drop_database(self, url: str) -> None:
        """Forget a database, whoever is connected to it."""
        name = _name_in(url)
        self._made.discard(name)
        await self.administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def terminate_backends(self, url: str) -> int:
        """Cut all connections to this database, all but the one that asks; how many."""
        connection = await asyncpg.connect(url)
        try:
            return int(
                await connection.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                    "AND backend_type = 'client backend'"
                )
            )
        finally:
            await connection.close()


def as_user(url: str, name: str, password: str) -> str:
    """The URL for somebody else."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{name}:{password}@{place}"))


def by_way_of(port: int, url: str) -> str:
    """The same database, by way of what listens on this port of this machine."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@{LOOPBACK}:{port}"))


def _name_in(url: str) -> str:
    return urlsplit(url).path[1:]
