"""The service in two processes on one database, one of them killed in the middle.

Users come through both. What the killed process was asked and did not answer is sent again to the
other, under its idempotency key; what it had claimed goes over to the other once its session has
lapsed. So each user is recorded once, and each event is handled at least once.
"""

import json
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any
from uuid import uuid4

from .client import post, say
from .service import DemoError, Service, recorded, running

__all__ = ["USERS", "survive_a_kill"]

USERS = 200
CALLERS = 8  # at once, half of them at each process
BEFORE_THE_KILL = 40  # users whom the first process has acknowledged when it is killed
DIRECTORY = re.compile(r"legacy-directory: UserAddedV1\(user_id=(\d+),")
ANALYTICS = re.compile(r"user-analytics: UserAddedV3\(user_id=(\d+),")


def survive_a_kill(module: str, database: str, first_id: int) -> None:
    """Add users from that id on through two processes, kill one, and count what became of all.

    Raises:
        DemoError: A user or an event is lost, or a user was recorded twice.
    """
    ids = range(first_id, first_id + USERS)
    with (
        running(module, database, quiet=True) as first,
        running(module, database, quiet=True) as second,
    ):
        say(f"{CALLERS} callers add {USERS} users, half of them through each process:")
        callers = Callers(first, second)
        callers.add(ids)
        say(
            f"It left {callers.sent_again} commands unanswered, which were sent again to the second"
            " under their keys.",
            before="",
        )

        say("What it had claimed goes over to the second once its session has lapsed (15 s):")
        by_first = Counter(found(DIRECTORY, first.lines(), ids))

        def missing(lines: list[str]) -> set[int]:
            handled = by_first.keys() | {*found(DIRECTORY, lines, ids)}
            return {*ids} - (handled & {*found(ANALYTICS, lines, ids)})

        second.wait_until(lambda lines: not missing(lines), "every user in both subscriptions")
        by_second = Counter(found(DIRECTORY, second.lines(), ids))
        second.stop()
    both = by_first + by_second
    again = sum(both.values()) - len(both)
    lost = len({*ids} - both.keys())
    say(
        f"legacy-directory (at least once, in either process): {by_first.total()} events in the "
        f"first, {by_second.total()} in the second; {lost} of {USERS} lost, {again} came again.",
        before="",
    )
    say(
        f"user-analytics (broadcast): the second process counted all {USERS} by itself.",
        before="",
    )
    events = recorded(module, "users", database)
    times = Counter(event["data"]["user_id"] for event in events if is_among(event, ids))
    if unrecorded := {*ids} - times.keys():
        raise DemoError(f"{len(unrecorded)} users that were acknowledged are not recorded")
    if twice := [user for user, count in times.items() if count > 1]:
        raise DemoError(f"{len(twice)} users are recorded more than once")
    offsets = [event["offset"] for event in events]
    if offsets != [*range(offsets[0], offsets[0] + len(offsets))]:
        raise DemoError("there are gaps in the offsets")
    say(f"users: all {USERS} are recorded, each once, and no offset is missing.", before="")


class Callers:
    """Several at once, who send again what was not answered. The first process is killed midway."""

    def __init__(self, first: Service, second: Service) -> None:
        self._first, self._second = first, second
        self._urls = [one.url() for one in (first, second)]
        self._lock = threading.Lock()
        self._acknowledged = 0  # by the first
        self._killed = threading.Event()
        self.sent_again = 0

    def add(self, ids: range) -> None:
        """Return once every user is acknowledged by one process or the other."""
        with ThreadPoolExecutor(CALLERS) as pool:
            for _ in pool.map(self._add, ids):
                pass
        if not self._killed.is_set():
            raise DemoError("the first process was not killed while users came")

    def _add(self, user: int) -> None:
        fields = {
            "user_id": user,
            "first_name": "User",
            "last_name": str(user),
            "email": f"user-{user}@example.com",
        }
        key = str(uuid4())
        if user % 2 == 0 and not self._killed.is_set():
            try:
                self._expect_200(*post(self._urls[0], "add-user", fields, key=key))
            except (OSError, HTTPException, json.JSONDecodeError):
                if not self._killed.is_set():
                    raise DemoError("the first process gave no answer before its kill") from None
                with self._lock:
                    self.sent_again += 1
            else:
                self._count()
                return
        self._expect_200(*post(self._urls[1], "add-user", fields, key=key))

    def _count(self) -> None:
        with self._lock:
            self._acknowledged += 1
            if self._acknowledged == BEFORE_THE_KILL:
                self._killed.set()  # first, so that whoever gets no answer finds it
                told = f"which has acknowledged {self._acknowledged} users"
                say(f"$ kill -KILL (the first process, {told})")
                self._first.kill()

    def _expect_200(self, status: int, answer: Any) -> None:
        if status != 200:
            raise DemoError(f"add-user was answered with {status}: {json.dumps(answer)}")


def found(pattern: re.Pattern[str], lines: list[str], ids: range) -> list[int]:
    """The users of ours that lines tell of, as often as they do."""
    users = (int(match[1]) for line in lines if (match := pattern.search(line)))
    return [user for user in users if user in ids]


def is_among(event: dict[str, Any], ids: range) -> bool:
    """Whether the event is one of a user that was added here."""
    return event["event"] == "UserAdded" and event["data"]["user_id"] in ids
