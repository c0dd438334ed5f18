"""PgBouncer in front of a cluster, for tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.postgres import PATIENCE, Cluster

__all__ = ["pgbouncer", "program"]

SETTINGS = """
[databases]
* = host=127.0.0.1 port={server} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
ignore_startup_parameters = {ignored}
"""


def program() -> str | None:
    """Where PgBouncer is on this machine, if it is."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def pgbouncer(cluster: Cluster, *, ignored: str = "") -> Iterator[int]:
    """The port of one in transaction mode, while the block lasts.

    `ignored` are parameters that it takes from clients without a word, and drops.
    """
    user: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="headwater-pgbouncer-") as name:
        folder = Path(name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            SETTINGS.format(server=cluster.port, port=port, ignored=ignored or "extra_float_digits")
        )
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        process = subprocess.Popen(
            [str(program()), str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **user,
        )
        try:
            _wait_for(port)
            yield port
        finally:
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
