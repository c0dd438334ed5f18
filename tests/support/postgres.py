"""PostgreSQL servers for tests: clusters of our own, started from the binaries on this machine.

A cluster is made in a folder of its own, listens on loopback on a free port and is ended by its
process id. It can be restarted the hard way, its backends terminated, its processes frozen.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypeVar

import asyncpg
from headwater.migrations.migrator import Migrator
from headwater.schema.tables import TABLES

__all__ = ["Cluster", "binaries"]

T = TypeVar("T")

PATIENCE = 30.0  # seconds for the server to start or stop
NAMES = count(1)
# Ends the server when the process that started it is gone, killed or not.
GUARD = ("sh", "-c", 'read _; kill -QUIT "$1"', "guard")
OWNERS = ("postgres", "nobody")  # PostgreSQL refuses to run as root


def binaries() -> Path | None:
    """The folder of the newest `initdb` and `postgres` on this machine, if there are any."""
    folders = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep) if name]
    debian = Path("/usr/lib/postgresql")
    if debian.is_dir():
        versions = [one for one in debian.iterdir() if one.name.isdigit()]
        folders += [one / "bin" for one in sorted(versions, key=lambda one: -int(one.name))]
    wanted = ("initdb", "postgres", "pg_isready", "pg_ctl")
    return next(
        (one for one in folders if all((one / program).exists() for program in wanted)), None
    )


class Cluster:
    """One server with its data, from `start` to `remove`.

    `settings` are lines of its configuration. Without `fsync` a killed server still keeps what it
    acknowledged, and only a machine that fails may lose it.
    """

    def __init__(self, programs: Path, *, fsync: bool = False, **settings: str | int) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="headwater-postgres-"))
        self._settings: dict[str, str | int] = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self._folder),
            "fsync": "on" if fsync else "off",
            "max_connections": 100,
            "shared_buffers": "64MB",
            "log_min_messages": "warning",
        } | settings
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._user: dict[str, Any] = {}
        self.port = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="postgres")
        if os.geteuid() == 0:
            owner = next(one for one in map(_user, OWNERS) if one is not None)
            self._user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
            self._folder.chmod(0o755)

    # Life

    def start(self) -> None:
        """Have it running and answering; its data is made the first time."""
        if not (self._folder / "data").exists():
            self._run(
                "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"
            )
        self.port = self.port or _free_port()
        options = [f"{name}={value}" for name, value in self._settings.items()]
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres",
                    *("-D", "data", "-c", f"port={self.port}"),
                    *(word for option in options for word in ("-c", option)),
                ],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._user,
            )
        self._guard = subprocess.Popen(
            [*GUARD, str(self._process.pid)], stdin=subprocess.PIPE, start_new_session=True
        )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return once it takes connections.

        Raises:
            RuntimeError: It does not; the message holds the end of its log.
        """
        until = time.monotonic() + PATIENCE
        ready = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, env=self._environment, check=False).returncode != 0:
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start:\n{self.log[-2000:]}")
            time.sleep(0.02)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End it: `immediate` is as if it had crashed."""
        if self._process is None:
            return
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.kill()
            self._guard.wait()
            self._guard.stdin.close()
            self._guard = None
        self._process.send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        self._process.wait(PATIENCE)
        self._process = None

    def restart(self, mode: Literal["fast", "immediate"] = "immediate") -> None:
        """Stop it and start it again on the same port, with the same data."""
        self.stop(mode)
        self.start()

    def remove(self) -> None:
        """End it and forget its data."""
        self.stop("immediate")
        self._thread.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self._folder / "log").read_text(errors="replace")

    # What tests do with it

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work in an event loop of its own, from a fixture that has none."""
        return self._thread.submit(asyncio.run, work).result()

    def url(self, database: str = "postgres") -> str:
        """Where the database is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    async def administer(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser, each in a transaction of its own."""
        connection = await asyncpg.connect(self.url(database))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def make_template(self) -> None:
        """Have a database `template` with our tables, for others to be copies of."""
        await self.administer("CREATE DATABASE template")
        await Migrator(self.url("template")).upgrade()

    async def create_database(self, template: str = "template1") -> str:
        """The URL of a new database, a copy of the template."""
        name = f"test_{os.getpid()}_{next(NAMES)}"
        await self.administer(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    async def empty_database(self, url: str) -> None:
        """Have our tables as new, and nobody connected: quicker than another copy."""
        await self.terminate_backends(url)
        tables = ", ".join(table.name for table in TABLES)
        await self.administer(
            f"TRUNCATE {tables} RESTART IDENTITY", database=url.rpartition("/")[2]
        )

    async def drop_database(self, url: str) -> None:
        """Forget a database, whoever is connected to it."""
        await self.administer(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    async def backends(self, url: str) -> list[int]:
        """The processes that serve connections to this database, all but the one that asks."""
        connection = await asyncpg.connect(url)
        try:
            rows = await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY pid"
            )
            return [row["pid"] for row in rows]
        finally:
            await connection.close()

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

    @contextmanager
    def frozen(self, *processes: int) -> Iterator[None]:
        """Nothing moves in these backends while the block lasts."""
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    @property
    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return kept | {"LC_ALL": "C.UTF-8", "HOME": str(self._folder)}

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            **self._user,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
