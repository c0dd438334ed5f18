"""Where a fault test takes place: a database, actors on it, and the recorder of what they do."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import headwater

from tests.faults.databases import Database
from tests.faults.history import History, Scribe, Tail, read_history
from tests.faults.report import Figures

__all__ = ["PATIENCE", "Actor", "Nursery", "World"]

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds that anything may take which should happen soon
LOOK = 0.002  # seconds between two looks at a condition
CHECK_UP = 0.2  # seconds between two looks at the actors meanwhile
LINE = re.compile(rb'^{"kind": "(\w+)", "action": "(\w+)"', re.MULTILINE)


def _start(module: str, *arguments: str) -> subprocess.Popen[str]:
    runtime = Path(headwater.__file__).parents[1]  # the one that the test itself runs on
    paths = [str(runtime), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )


class Nursery:
    """The process that actors come from, as a test sees it."""

    def __init__(self) -> None:
        self._process = _start("tests.faults.nursery")
        self._answer()

    def close(self) -> None:
        """End it, and what is left of its actors."""
        self._process.communicate(timeout=PATIENCE)

    def fork(self, role: str, log: Path, options: dict[str, Any]) -> int:
        """A new process in that role."""
        return int(self._ask(role=role, log=str(log), options=options)["process"])

    def wait(self, process: int, within: float) -> int | None:
        """The exit status of a process, if it ends in time."""
        status: int | None = self._ask(wait=process, within=within)["status"]
        return status

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class Actor:
    """A process that takes part."""

    def __init__(
        self, name: str, process: int, nursery: Nursery, tell: Callable[[str], None]
    ) -> None:
        self.name = name
        self._process = process
        self._nursery = nursery
        self._tell = tell
        self._status: int | None = None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._status is None:
            os.kill(self._process, number)

    def kill(self) -> None:
        """End it in the middle of whatever it does, which is a fault and written down as one."""
        self.send(signal.SIGKILL)
        assert self.wait() in {-signal.SIGKILL, 0}, f"{self.name} failed before it was killed"
        if self.wait() == -signal.SIGKILL:
            self._tell("kill")

    def freeze(self) -> None:
        """Stop all of its threads; returns once none of them does anything more."""
        self.send(signal.SIGSTOP)
        until = time.monotonic() + PATIENCE
        while any(state != "T" for state in self._states()):
            assert time.monotonic() < until, f"{self.name} goes on"
            time.sleep(LOOK)

    def thaw(self) -> None:
        """Have it go on where it was."""
        self.send(signal.SIGCONT)

    def _states(self) -> Iterator[str]:
        for thread in Path(f"/proc/{self._process}/task").iterdir():
            yield (thread / "stat").read_text().rpartition(") ")[2][0]

    def ask_to_stop(self) -> None:
        """Have it stop in the middle of whatever it does, kindly."""
        self._tell("stop")
        self.send(signal.SIGTERM)

    def wait(self, within: float = PATIENCE) -> int:
        """Its exit status, negative for a signal; fails if it does not end in time."""
        if self._status is None:
            self._status = self._nursery.wait(self._process, within)
        assert self._status is not None, f"{self.name} has not ended within {within:g} s"
        return self._status

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        if self._status is None:
            self._status = self._nursery.wait(self._process, 0)
        return self._status is None

    @property
    def has_failed(self) -> bool:
        """Whether it ended by itself and wrongly."""
        return not self.is_running and (self._status or 0) > 0


class World:
    """A database and those who work on it; everybody's lines are in one history."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        nursery: Nursery,
        chance: random.Random,
        figures: Figures,
    ) -> None:
        self.database = database
        self.figures = figures
        self.chance = chance
        self.actors: list[Actor] = []
        self._nursery = nursery
        self._history = folder / "history"
        self._logs = folder / "logs"
        self._socket = ""
        self._seen: dict[tuple[Path, re.Pattern[bytes]], _Matches] = {}

    @contextmanager
    def open(self) -> Iterator[World]:
        """Have the recorder run; who is left at the end is killed."""
        self._history.mkdir()
        self._logs.mkdir()
        with tempfile.TemporaryDirectory() as short:  # a socket's path has to be short
            self._socket = f"{short}/recorder"
            recorder = _start("tests.faults.recorder", self._socket, str(self._history))
            assert recorder.stdout is not None
            assert recorder.stdout.readline() == "ready\n"
            self._scribe = Scribe(self._socket, "world")
            try:
                yield self
            finally:
                self._scribe.close()
                for actor in self.actors:
                    if actor.is_running:
                        actor.send(signal.SIGKILL)
                        actor.wait()
                recorder.communicate(timeout=PATIENCE)

    def start(self, role: str, name: str | None = None, **options: Any) -> Actor:
        """A new actor; every one has a name of its own.

        It goes to the database itself unless `database` says by which URL.
        """
        name = f"{name or role}-{len(self.actors) + 1}"
        options = {"database": self.database.url} | options
        options |= {
            "name": name,
            "socket": self._socket,
            "seed": self.chance.getrandbits(32),
        }
        process = self._nursery.fork(role, self._logs / name, options)
        actor = Actor(name, process, self._nursery, self._scribe.fault)
        self.actors.append(actor)
        return actor

    def until(self, condition: Callable[[], object], what: str, within: float = PATIENCE) -> None:
        """Return as soon as the condition holds; fail if it does not in time, or an actor does."""
        begun = time.monotonic()
        checked = begun
        while not condition():
            now = time.monotonic()
            if now >= begun + within:
                raise AssertionError(f"not within {within:g} s: {what}")
            if now >= checked + CHECK_UP:
                checked = now
                for actor in self.actors:
                    assert not actor.has_failed, f"{actor.name} failed:\n{self.logs(actor)[-5000:]}"
            time.sleep(LOOK)

    def until_noted(self, number: int, *actors: Actor, action: str, kind: str = "ok") -> None:
        """Return as soon as these actors, or all, have written down that many such lines."""
        who = ", ".join(actor.name for actor in actors) or "all"
        self.until(
            lambda: self.count(*actors, action=action, kind=kind) >= number,
            f"{number} times {kind} {action} by {who}",
        )

    def history(self, *actors: Actor) -> History:
        """All lines so far, or those of these actors."""
        names = {actor.name for actor in actors}
        return [line for line in read_history(self._history) if not names or line.actor in names]

    def tail(self) -> Tail:
        """To read the lines as they come."""
        return Tail(self._history)

    def count(self, *actors: Actor, action: str, kind: str = "ok") -> int:
        """How many such lines there are, without reading everything anew each time."""
        paths = [self._history / f"{actor.name}.jsonl" for actor in actors]
        return sum(
            self._matches(path, LINE)[kind.encode(), action.encode()]
            for path in paths or self._history.glob("*.jsonl")
        )

    def mentions(self, pattern: str) -> int:
        """How often it stands in the history and the logs, each line of them read once."""
        sought = re.compile(pattern.encode())
        paths = [*self._history.glob("*.jsonl"), *self._logs.iterdir()]
        return sum(self._matches(path, sought).total() for path in paths)

    def _matches(self, path: Path, pattern: re.Pattern[bytes]) -> Counter[Any]:
        return self._seen.setdefault((path, pattern), _Matches(path, pattern)).look()

    def tell(self, name: str, times: int = 1) -> None:
        """Write down that a fault happened, so often, where no actor could."""
        for _ in range(times):
            self._scribe.fault(name)

    def logs(self, actor: Actor | None = None) -> str:
        """What all actors have logged, or one."""
        if actor is not None:
            return (self._logs / actor.name).read_text()
        return "\n".join(path.read_text() for path in sorted(self._logs.iterdir()))


class _Matches:
    """How often a pattern stands in a file that grows, by what it finds; each line is read once."""

    def __init__(self, path: Path, pattern: re.Pattern[bytes]) -> None:
        self._path = path
        self._pattern = pattern
        self._read = 0
        self._counts: Counter[Any] = Counter()

    def look(self) -> Counter[Any]:
        """Up to the last line that is whole."""
        with suppress(FileNotFoundError), self._path.open("rb") as file:  # not there, nothing said
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
            self._read += len(whole) + len(newline)
            self._counts.update(self._pattern.findall(whole))
        return self._counts
