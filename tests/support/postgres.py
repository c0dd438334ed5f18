"""PostgreSQL servers for tests: clusters of our own, started from the binaries on this machine.

A cluster is made in a folder of its own, listens on loopback on a free port and is ended by its
process id. It can be restarted the hard way, its backends terminated, its processes frozen.

Where there are no binaries, the server that `HEADWATER_TEST_POSTGRES` names takes its place, for
tests that do it no harm.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest

from tests.support.output import Output
from tests.support.server import LOOPBACK, Server

__all__ = [
    "EXTERNAL",
    "Cluster",
    "Server",
    "binaries",
    "our_own",
    "require_binaries",
    "server",
    "unprivileged",
]

EXTERNAL = "HEADWATER_TEST_POSTGRES"
"""The environment variable with the address of a server for tests, where none can be started."""
MISSING = "no PostgreSQL on this machine: initdb and postgres are not found"
PATIENCE = 30.0  # seconds for the server to start or stop
READY = "database system is ready to accept connections"  # what it says then
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
    wanted = ("initdb", "postgres")
    return next(
        (one for one in folders if all((one / program).exists() for program in wanted)), None
    )


def require_binaries() -> Path:
    """The same folder; skips the test where there is none."""
    folder = binaries()
    if folder is None:
        pytest.skip(MISSING)
    return folder


def server() -> Server:
    """One that runs: of our own, or the one that the environment names.

    Skips the tests where there is neither.
    """
    if (folder := binaries()) is not None:
        cluster = Cluster(folder)
        try:
            cluster.start()
        except BaseException:
            cluster.remove()
            raise
        return cluster
    if address := os.environ.get(EXTERNAL):
        return Server(address)
    reason = f"{MISSING}, and {EXTERNAL} names no server"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def our_own(server: Server) -> Cluster:
    """The server, to be stopped or frozen; skips the test where it may be somebody else's."""
    if not isinstance(server, Cluster):
        pytest.skip(f"the server that {EXTERNAL} names is not for tests to stop or to freeze")
    return server


class Cluster(Server):
    """One server with its data, from `start` to `remove`.

    `settings` are lines of its configuration. Without `fsync` a killed server still keeps what it
    acknowledged, and only a machine that fails may lose it.
    """

    def __init__(self, programs: Path, *, fsync: bool = False, **settings: str | int) -> None:
        super().__init__(f"postgresql://postgres@{LOOPBACK}:0/postgres")  # the port comes later
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="headwater-postgres-"))
        self._settings: dict[str, str | int] = {
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": str(self._folder),
            "fsync": "on" if fsync else "off",
            "max_connections": 100,
            "shared_buffers": "64MB",
            "log_min_messages": "warning",
        } | settings
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._user = unprivileged(self._folder)

    # Life

    def start(self) -> None:
        """Have it running and answering; its data is made the first time.

        Raises:
            RuntimeError: It does not start; the message holds the end of its log.
        """
        if not (self._folder / "data").exists():
            self._run(
                "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"
            )
        if not self._address.port:
            self._address = urlsplit(f"postgresql://postgres@{LOOPBACK}:{_free_port()}/postgres")
        options = [f"{name}={value}" for name, value in self._settings.items()]
        self._process = subprocess.Popen(
            [
                self._programs / "postgres",
                *("-D", "data", "-c", f"port={self.port}"),
                *(word for option in options for word in ("-c", option)),
            ],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self._user,
        )
        self._guard = subprocess.Popen(
            [*GUARD, str(self._process.pid)], stdin=subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdout is not None
        Output(self._process.stdout, self._folder / "log").wait_for(READY, PATIENCE)

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


def unprivileged(folder: Path) -> dict[str, Any]:
    """How to start a program that refuses to run as root; the folder is its user's then."""
    if os.geteuid() != 0:
        return {}
    owner = next(one for one in map(_user, OWNERS) if one is not None)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    folder.chmod(0o755)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
