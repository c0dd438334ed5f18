"""RabbitMQ brokers for tests: of our own, started from the programs on this machine.

A broker keeps its data in a folder of its own, listens on loopback on free ports, has a port mapper
(epmd) of its own, and is ended by its process group. It can be killed, stopped and started again.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["Broker", "broker", "programs"]

MEMORY_LIMIT = "absolute 1GB"
PATIENCE = 60.0  # seconds for a broker to start or stop
OWNERS = ("rabbitmq", "nobody")
# Ends the group when the process that started it is gone, killed or not.
GUARD = ("sh", "-c", 'read _; kill -KILL -- "-$1" "-$2"', "guard")

CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
loopback_users = none
log.console = true
log.file = false
vm_memory_high_watermark.absolute = {memory}
disk_free_limit.absolute = 50MB
"""
ON_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


def programs() -> Path | None:
    """The folder of `rabbitmq-server` and `rabbitmqctl` on this machine, if there is one."""
    folder = Path("/usr/lib/rabbitmq/bin")
    has_all = all((folder / name).exists() for name in ("rabbitmq-server", "rabbitmqctl"))
    return folder if has_all and shutil.which("epmd") else None


class Broker:
    """One broker with its data, from `start` to `remove`."""

    def __init__(self, folder_of_programs: Path) -> None:
        self._programs = folder_of_programs
        self._folder = Path(tempfile.mkdtemp(prefix="headwater-rabbitmq-"))
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            owner = next(one for one in map(_user, OWNERS) if one is not None)
            self._user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self.port, distribution, mapper = _free_ports(3)
        self._environment = self._prepare(distribution, mapper)
        self._mapper = self._launch(
            ["epmd", "-port", str(mapper), "-address", "127.0.0.1"], "epmd.log"
        )
        self._memory_limit = MEMORY_LIMIT
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Have it take connections."""
        self._process = self._launch([str(self._programs / "rabbitmq-server")], "server.log")
        self._guard = subprocess.Popen(
            [*GUARD, str(self._process.pid), str(self._mapper.pid)], stdin=subprocess.PIPE
        )
        since = time.monotonic()
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > since + PATIENCE:
                log = (self._folder / "server.log").read_text(errors="replace")
                raise RuntimeError(f"the broker did not start:\n{log[-2000:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether it speaks AMQP."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2.0) as wire:
                wire.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(wire.recv(1))
        except OSError:
            return False

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Have it do nothing any more, and keep its connections."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on where it was."""
        self._signal(signal.SIGCONT)

    def control(self, *arguments: str) -> str:
        """What `rabbitmqctl` says to this."""
        command = [str(self._programs / "rabbitmqctl"), "--quiet", *arguments]
        result: subprocess.CompletedProcess[str] = subprocess.run(
            command,
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            **self._user,
        )
        if result.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {result.stderr[-500:]}")
        return result.stdout

    def flush(self) -> None:
        """Have what was declared on disk: a quorum queue killed right after may be lost whole."""
        self.control("eval", "[dets:sync(T) || T <- dets:all()].")

    def set_memory_limit(self, limit: str = MEMORY_LIMIT) -> None:
        """Above it the broker takes no messages: a fraction of the machine's, or bytes."""
        self.control("set_vm_memory_high_watermark", *limit.split())
        self._memory_limit = limit

    def restore(self) -> None:
        """Have it run, and take messages, whatever was done to it."""
        if self._process is None:
            self.start()
        self.thaw()
        if self._memory_limit != MEMORY_LIMIT:
            self.set_memory_limit()

    def remove(self) -> None:
        """End it, and its data."""
        if self._process is not None:
            self.kill()
        self._mapper.kill()
        self._mapper.wait(PATIENCE)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._signal(how)
        self._process.wait(PATIENCE)
        since = time.monotonic()
        while _group_lives(self._process.pid):
            assert time.monotonic() < since + PATIENCE, "the broker did not end"
            time.sleep(0.02)
        self._process = None
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate(timeout=PATIENCE)
            self._guard = None

    def _signal(self, number: signal.Signals) -> None:
        """To the group: the launched shell ignores what ends the broker, its child."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _prepare(self, distribution: int, mapper: int) -> dict[str, str]:
        at = self._folder
        for name in ("home", "mnesia", "log", "gen"):
            (at / name).mkdir()
        configuration = CONFIGURATION.format(port=self.port, memory=MEMORY_LIMIT.split()[1])
        (at / "rabbitmq.conf").write_text(configuration)
        (at / "advanced.config").write_text("[].")
        (at / "rabbitmq-env.conf").write_text("")
        (at / "enabled_plugins").write_text("[].")
        if self._user:
            at.chmod(0o755)
            for path in (at, *at.rglob("*")):
                os.chown(path, self._user["user"], self._user["group"])
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(at / "home"),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(at / "mnesia"),
            "RABBITMQ_LOG_BASE": str(at / "log"),
            "RABBITMQ_CONFIG_FILE": str(at / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(at / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(at / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(at / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(at / "gen"),
            "RABBITMQ_PID_FILE": str(at / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{ON_LOOPBACK} +S 2:2",
            "RABBITMQ_CTL_ERL_ARGS": ON_LOOPBACK,
        }

    def _launch(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self._folder / log).open("ab") as output:
            return subprocess.Popen(
                command,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._user,
            )


@contextmanager
def broker() -> Iterator[Broker]:
    """A broker that runs while the block lasts; there have to be `programs`."""
    folder = programs()
    assert folder is not None
    one = Broker(folder)
    try:
        one.start()
        yield one
    finally:
        one.remove()


def _user(name: str) -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwnam(name)
    return None


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
