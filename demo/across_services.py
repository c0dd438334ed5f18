"""Two services with RabbitMQ between them, which dies in the middle: `make demo-broker`.

Users come to user-service all the while. It takes them, broker or not; analytics, which has a
database of its own and knows of no broker, counts each of them once, though it is killed as well.
The broker is one of the demo's own where RabbitMQ is installed; else it is the one that
HEADWATER_BROKER names, which nobody kills. Databases are of this run, in `data/demo/across`.

Exit status: 0 all went as it should · 1 it did not; the last line says why · 2 there is no broker.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from tests.support.rabbitmq import Broker, programs
from tests.support.rabbitmq import broker as private_broker

from .client import get, post, say
from .service import PATIENCE, DemoError, Service, recorded, running

USERS = "services.user_service"
ANALYTICS = "services.analytics"
REMOTE = "user-service/users"
FOLDER = Path("data/demo/across")  # in the current folder; git ignores it
PREFIX = "headwater-demo"  # of the names on a broker that others use too
BATCH = 40  # users, four times
TO_CONNECT = 20.0  # seconds


class NoBrokerError(DemoError):
    """There is no broker; the message says how to get one."""


def demo() -> None:
    """Go through it once.

    Raises:
        DemoError: Something was not as it should be.
        NoBrokerError: There is nothing to show it with.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    users, analytics = (f"sqlite:///{FOLDER}/{name}.db" for name in ("users", "analytics"))
    with found_broker() as broker, ExitStack() as stack:
        FOLDER.mkdir(parents=True)
        say(f"$ headwater run {ANALYTICS} --database {analytics}")
        reader = stack.enter_context(started(ANALYTICS, analytics))
        say(f"$ headwater run {USERS} --database {users}", before="")
        service = stack.enter_context(started(USERS, users))
        callers = Callers(service)

        say(f"{BATCH} users come to user-service, and analytics counts them:")
        callers.add(BATCH)
        wait_until(lambda: counted() == callers.added, "users were not counted")
        say(f"{counted()} are counted.", before="")

        if broker is not None:
            broker.flush()
            say("$ kill -KILL (the broker, while users come)")
            callers.add(BATCH // 2)
            broker.kill()
            callers.add(BATCH // 2)
            waiting = callers.waiting()
            say(f"All were taken; {waiting} wait in user-service's own database.", before="")
            say("$ rabbitmq-server (the same again; more users come meanwhile)")
            broker.start()
        callers.add(BATCH)

        say("$ kill -KILL (analytics, which is started again)")
        reader.kill()
        reader = stack.enter_context(started(ANALYTICS, analytics))
        callers.add(BATCH)
        say("Another one takes over from it once its lease has lapsed (15 s):", before="")
        wait_until(lambda: counted() >= callers.added, "users were not counted")
        wait_until(lambda: callers.waiting() == 0, "the broker did not confirm all events")
        reader.stop()
        service.stop()
    tell(users, analytics, callers.added)


@contextmanager
def found_broker() -> Iterator[Broker | None]:
    """A broker for both services: of our own, or `None` for the one that the environment names."""
    if programs() is None:
        if not os.environ.get("HEADWATER_BROKER"):
            raise NoBrokerError(
                "there is no RabbitMQ on this machine. Install rabbitmq-server (apt-get install "
                "rabbitmq-server), or have one in a container and name it:\n"
                "  docker compose up -d --wait rabbitmq\n"
                "  HEADWATER_BROKER=amqp://headwater:headwater@127.0.0.1:5672/ make demo-broker"
            )
        os.environ["HEADWATER_BROKER_PREFIX"] = PREFIX
        say("The broker is the one that HEADWATER_BROKER names; it is not killed.", before="")
        yield None
        return
    say("$ rabbitmq-server (one of the demo's own, on a free port)", before="")
    with private_broker() as broker:
        os.environ["HEADWATER_BROKER"] = broker.url
        yield broker


@contextmanager
def started(module: str, database: str) -> Iterator[Service]:
    """The service of that module, once it has its broker.

    Raises:
        DemoError: It does not come up, or does not get there.
    """
    with running(module, database, quiet=True) as service:
        url = service.url()
        wait_until(
            lambda: get(url, "/health/ready")["broker"]["state"] == "connected",
            f"{module.rpartition('.')[2]} has no connection to its broker",
            within=TO_CONNECT,
        )
        yield service


class Callers:
    """Who adds users, one after the other."""

    def __init__(self, service: Service) -> None:
        self._url = service.url()
        self.added = 0

    def add(self, count: int) -> None:
        """Send a command for each of so many, and have it answered."""
        for _ in range(count):
            self.added += 1
            user = self.added
            fields = {
                "user_id": user,
                "first_name": "User",
                "last_name": str(user),
                "email": f"user-{user}@example.com",
            }
            try:
                status, answer = post(self._url, "add-user", fields)
            except OSError as error:
                raise DemoError(f"user-service gave no answer: {error}") from error
            if status != 200:
                raise DemoError(f"user {user} was answered with {status}: {answer}")

    def waiting(self) -> int:
        """How many events are still to go to the broker."""
        backlog: int = get(self._url, "/health/ready")["broker"]["published"]["users"]["backlog"]
        return backlog


def wait_until(holds: Callable[[], bool], otherwise: str, *, within: float = PATIENCE) -> None:
    """Return once it holds.

    Raises:
        DemoError: It takes too long.
    """
    until = time.monotonic() + within
    while not holds():
        if time.monotonic() > until:
            raise DemoError(f"{otherwise} within {within:g} seconds")
        time.sleep(0.1)


def counted() -> int:
    """How many events analytics has counted: one that it counted twice is two."""
    database = FOLDER / "analytics.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'signups'").fetchone():
            return 0
        [(count,)] = connection.execute("SELECT coalesce(sum(times), 0) FROM signups")
        return int(count)


def tell(users: str, analytics: str, added: int) -> None:
    """Show how far the events came.

    Raises:
        DemoError: One is lost, or came twice.
    """
    appended = [event["id"] for event in recorded(USERS, "users", users)]
    taken_in = [event["id"] for event in recorded(ANALYTICS, REMOTE, analytics)]
    out = crossing(USERS, users)
    rows = [
        ("appended", "user-service's log", len(appended)),
        ("relayed", "with the broker", len(appended) - out["waiting"] - out["set_aside"]),
        ("taken in", "analytics' log", len(taken_in)),
        ("counted", "analytics' handler", counted()),
        ("lost", "appended, not taken in", len({*appended} - {*taken_in})),
        ("duplicates", "taken in or counted twice", counted() - len({*taken_in})),
    ]
    say("")
    for name, where, count in rows:
        say(f"  {name:<10}  {where:<25}  {count:>4}", before="")
    if [count for _, _, count in rows] != [*[added] * 4, 0, 0]:
        raise DemoError(f"{added} users were added, and not each was counted once")
    say(f"analytics counted each of the {added} users once: none lost, none twice.")


def crossing(module: str, database: str) -> dict[str, Any]:
    """How far the service's stream has crossed, as `headwater relay --json` tells."""
    done = subprocess.run(  # noqa: S603  (our own command)
        [
            *(sys.executable, "-m", "headwater", "relay", module),
            *("--json", "--database", database),
        ],
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        raise DemoError(f"headwater relay ended with exit status {done.returncode}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> int:
    """Run the demo, and end what it has started however it ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        demo()
    except DemoError as error:
        sys.stdout.flush()
        sys.stderr.write(f"demo: {error}\n")
        return 2 if isinstance(error, NoBrokerError) else 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
