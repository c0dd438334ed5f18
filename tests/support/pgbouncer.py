"""PgBouncer in front of a server, for tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.output import Output
from tests.support.postgres import unprivileged
from tests.support.server import LOOPBACK, Server

__all__ = ["IGNORED", "pgbouncer", "program", "require_pgbouncer"]

IGNORED = (
    "lock_timeout,statement_timeout,idle_in_transaction_session_timeout,"
    "enable_seqscan,jit,plan_cache_mode"
)
"""All that we ask of a connection, for one that takes it from clients without a word."""

SETTINGS = """
[databases]
* = host={server.host} port={server.port} user={server.user}{password}

[pgbouncer]
listen_addr = {loopback}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
ignore_startup_parameters = {ignored}
default_pool_size = {size}
server_round_robin = 1
log_connections = 0
log_disconnections = 0
log_stats = 0
"""
UP = "process up"  # what it says when it listens
PATIENCE = 30.0  # seconds until it does


def program() -> str | None:
    """Where PgBouncer is on this machine, if it is."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


def require_pgbouncer() -> None:
    """Skip the test where there is none."""
    if program() is None:
        pytest.skip("no pgbouncer on this machine, and no package of Python brings one")


@contextmanager
def pgbouncer(server: Server, *, ignored: str = "", size: int = 20) -> Iterator[int]:
    """The port of one in transaction mode, while the block lasts.

    `ignored` are parameters that it takes from clients without a word, and drops; `size` is how
    many connections it makes to each database. Each transaction gets the one after the last.
    """
    with tempfile.TemporaryDirectory(prefix="headwater-pgbouncer-") as name:
        folder = Path(name)
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            SETTINGS.format(
                server=server,
                password=f" password='{server.password}'" if server.password else "",
                loopback=LOOPBACK,
                port=port,
                ignored=ignored or "extra_float_digits",
                size=size,
            )
        )
        process = subprocess.Popen(
            [str(program()), str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **unprivileged(folder),
        )
        try:
            assert process.stderr is not None
            Output(process.stderr, folder / "log").wait_for(UP, PATIENCE)
            yield port
        finally:
            process.kill()
            process.wait()
