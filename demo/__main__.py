"""Start the sample service, send it commands over HTTP, see the events arrive, stop it.

What it records stays in `data/demo/users.db`, or in the database that HEADWATER_DATABASE names, so
that the next run finds it there. On PostgreSQL it then runs the service in two processes at once,
kills one of them, and counts.

Exit status: 0 all went as it should · 1 it did not; the last line says why.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from headwater.stores.databases import shown as shown_url
from headwater.stores.postgres.address import SCHEMES

from . import earlier_release
from .client import say, send
from .service import DemoError, migrate, recorded, running
from .two_processes import survive_a_kill

MODULE = "services.user_service"
FILE = Path("data/demo/users.db")  # in the current folder; git ignores it
INVITED_BY = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def demo() -> None:
    """Go through it once.

    Raises:
        DemoError: Something was not as it should be.
    """
    database = os.environ.get("HEADWATER_DATABASE") or f"sqlite:///{FILE}"
    FILE.parent.mkdir(parents=True, exist_ok=True)
    if database.startswith(SCHEMES):  # an SQLite file is made by the service itself
        say(f"$ headwater migrate upgrade {MODULE} --database {shown_url(database)}")
        migrate(MODULE, database)
    before = recorded(MODULE, "users", database)
    first = 1 + max((event["data"]["user_id"] for event in before), default=0)
    ada, grace = users(first + 1)
    if before:
        say(f"{len(before)} events are here from earlier runs; they come first.")

    say("An earlier release, to which a name was one text, recorded a user at version 1:")
    earlier_release.record(database, first, "Mary Somerville")
    [old] = recorded(MODULE, "users", database)[len(before) :]
    say(shown(old), before="")

    say("The service of today reads that as version 3, which knows where a user came from.")
    say("An old directory, which is served version 1 for good, gets it as it is.", before="")

    say(f"$ headwater run {MODULE} --port 0 --database {shown_url(database)}")
    with running(MODULE, database) as service:
        read = service.wait_for(f"user-analytics: UserAddedV3(user_id={first}, first_name=***,")
        if "source=<Source.MIGRATION" not in read:
            raise DemoError("the old event did not come through the ops of versions 2 and 3")
        service.wait_for(f"legacy-directory: UserAddedV1(user_id={first}, name=***) of version 1")
        url = service.url()

        say("Two users come, one goes. They are recorded at version 3, and served to the old")
        say("directory at version 1. An iterator in the service counts users:", before="")
        send(url, "add-user", ada)
        service.wait_for(f"user-analytics: UserAddedV3(user_id={ada['user_id']},")
        send(url, "add-user", grace)
        service.wait_for(f"user-analytics: UserAddedV3(user_id={grace['user_id']},")
        send(url, "remove-user", {"user_id": ada["user_id"]})
        service.wait_for(f"UserRemovedV1(user_id={ada['user_id']}); users: ")
        directory = f"legacy-directory: UserAddedV1(user_id={grace['user_id']}, name=***)"
        service.wait_for(f"{directory} of version 3")

        say("Somebody is invited and accepts. A handler is given each event:")
        invitation = send(
            url,
            "invite-user",
            {"email": "alan@example.com", "role": "member", "invited_by": INVITED_BY},
        )["result"]
        service.wait_for("would send the invitation")
        send(url, "accept-invitation", {"invitation_id": invitation, "user_id": 7})
        service.wait_for("would welcome user 7")

        say("A request that is sent again under its idempotency key is not executed again:")
        key = str(uuid4())
        barbara = {**grace, "user_id": grace["user_id"] + 1, "first_name": "Barbara"}
        first = send(url, "add-user", barbara, key=key)
        if send(url, "add-user", barbara, key=key) != first:
            raise DemoError("the second answer was another than the first")

        say("What is refused comes back as a problem (RFC 9457), and nothing is recorded:")
        outsider = {"email": "eve@example.org", "role": "admin", "invited_by": INVITED_BY}
        send(url, "invite-user", outsider, expect=422)
        send(url, "remove-user", {"user_id": ada["user_id"]}, expect=409)

        say("$ kill -TERM (the service)")
        service.stop()
    say("It finished what it was doing and stopped with exit status 0.")

    say(f"$ headwater replay {MODULE} users --json --database {shown_url(database)}")
    after = recorded(MODULE, "users", database)
    for event in after[len(before) :]:
        say(shown(event), before="")
    if len(after) != len(before) + 5:
        raise DemoError(f"there are {len(after) - len(before)} new events, not 5")
    if database.startswith(SCHEMES):
        say(f"$ headwater run {MODULE} --port 0 --database {shown_url(database)}   (twice)")
        survive_a_kill(MODULE, database, grace["user_id"] + 2)
        after = recorded(MODULE, "users", database)
    say(f"All {len(after)} events of the stream are still there; run it again, and it goes on.")


def users(first: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ada and Grace, under numbers from `first` on."""
    return (
        {
            "user_id": first,
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "ada@example.com",
        },
        {
            "user_id": first + 1,
            "first_name": "Grace",
            "last_name": "Hopper",
            "email": "grace@example.com",
        },
    )


def shown(event: dict[str, Any]) -> str:
    """A line of `headwater replay --json` without what is new in each run."""
    return json.dumps({key: event[key] for key in ("offset", "event", "version", "data")})


if __name__ == "__main__":
    try:
        demo()
    except DemoError as error:
        sys.stdout.flush()
        sys.stderr.write(f"demo: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
