"""A service in a process of its own, its output shown as it comes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["DemoError", "Service", "migrate", "recorded", "running"]

PATIENCE = 60.0  # seconds; what takes longer has failed


class DemoError(Exception):
    """The demo did not go as it should; the message says where."""


class Service:
    """A process that `headwater run` serves in."""

    def __init__(self, process: "subprocess.Popen[str]", *, quiet: bool = False) -> None:
        self._process = process
        self._quiet = quiet
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, text: str) -> str:
        """The first line that holds the text, once there is one."""
        self.wait_until(lambda lines: any(text in line for line in lines), repr(text))
        return next(line for line in self.lines() if text in line)

    def url(self) -> str:
        """Where it listens, once it does."""
        return self.wait_for("Listening on").split()[-1]

    def wait_until(self, holds: Callable[[list[str]], bool], what: str) -> None:
        """Return once it holds for the lines there are; `what` is for the error if it never does.

        Raises:
            DemoError: The service ended before, or it takes too long.
        """
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while not holds(self._lines):
                if not self._reader.is_alive():
                    raise DemoError(f"the service ended before it said {what}")
                if not self._changed.wait(timeout=deadline - time.monotonic()):
                    raise DemoError(f"the service did not say {what} in {PATIENCE:g} seconds")

    def lines(self) -> list[str]:
        """What it has said so far; all of it once it was killed or stopped."""
        with self._changed:
            return [*self._lines]

    def kill(self) -> None:
        """End it at once, whatever it is doing, and read what it had said."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise DemoError(f"the service did not stop in {PATIENCE:g} seconds") from None
        self._reader.join()
        if status != 0:
            raise DemoError(f"the service stopped with exit status {status}")

    def _read(self) -> None:
        for line in self._process.stdout or ():
            with self._changed:
                self._lines.append(line)
                if not self._quiet:
                    sys.stdout.write(f"    {line}")
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


def recorded(module: str, stream: str, database: str) -> list[dict[str, Any]]:
    """The events of the stream, as `headwater replay --json` shows them; none without a file."""
    file = database.removeprefix("sqlite:///")
    if file != database and not Path(file).exists():
        return []
    done = subprocess.run(  # noqa: S603  (our own command)
        [
            *(sys.executable, "-m", "headwater", "replay", module, stream),
            *("--json", "--database", database),
        ],
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        raise DemoError(f"the replay of {stream} ended with exit status {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def migrate(module: str, database: str) -> None:
    """Have the database at the service's newest revision, whatever it is at."""
    arguments = ["migrate", "upgrade", module, "--database", database]
    command = [sys.executable, "-m", "headwater", *arguments]
    done = subprocess.run(command, timeout=PATIENCE, check=False)  # noqa: S603  (our own command)
    if done.returncode != 0:
        raise DemoError(f"the migration ended with exit status {done.returncode}")


@contextmanager
def running(module: str, database: str, *, quiet: bool = False) -> Iterator[Service]:
    """The service of that module on a free port. Whatever happens, it does not stay behind.

    What it says is shown, unless it is to be quiet.
    """
    process = subprocess.Popen(  # noqa: S603  (our own command)
        [
            *(sys.executable, "-m", "headwater", "run", module),
            *("--port", "0", "--database", database),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "HEADWATER_LOG_FORMAT": "human",
            "HEADWATER_LOG_LEVEL": "warning",
        },
    )
    try:
        yield Service(process, quiet=quiet)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
