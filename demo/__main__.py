"""Start the sample service, send it commands over HTTP, see the events arrive, stop it.

Exit status: 0 all went as it should · 1 it did not; the last line says why.
"""

import json
import sys
import urllib.error
import urllib.request
from typing import Any

from .service import PATIENCE, DemoError, running

MODULE = "services.user_service"
ADA = {"user_id": 1, "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}
GRACE = {"user_id": 2, "first_name": "Grace", "last_name": "Hopper", "email": "grace@example.com"}
INVITED_BY = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def demo() -> None:
    """Go through it once.

    Raises:
        DemoError: Something was not as it should be.
    """
    say(f"$ headwater run {MODULE} --port 0")
    with running(MODULE) as service:
        url = service.wait_for("Listening on").split()[-1]

        say("Two users come, one goes. An iterator in the service counts them:")
        send(url, "add-user", ADA)
        service.wait_for("users: 1")
        send(url, "add-user", GRACE)
        service.wait_for("users: 2")
        send(url, "remove-user", {"user_id": 1})
        service.wait_for("UserRemovedV1(user_id=1); users: 1")

        say("Somebody is invited and accepts. A handler is given each event:")
        invitation = send(
            url,
            "invite-user",
            {"email": "alan@example.com", "role": "member", "invited_by": INVITED_BY},
        )["result"]
        service.wait_for("would send the invitation")
        send(url, "accept-invitation", {"invitation_id": invitation, "user_id": 3})
        service.wait_for("would welcome user 3")

        say("What is refused comes back as a problem (RFC 9457), and nothing is recorded:")
        outsider = {"email": "eve@example.org", "role": "admin", "invited_by": INVITED_BY}
        send(url, "invite-user", outsider, expect=422)
        send(url, "remove-user", {"user_id": 1}, expect=409)

        say("$ kill -TERM (the service)")
        service.stop()
    say("It finished what it was doing and stopped with exit status 0.")


def send(url: str, command: str, fields: dict[str, Any], *, expect: int = 200) -> Any:
    """Send a command, show both ways, and return the answer."""
    body = json.dumps(fields)
    say(f"> POST /api/commands/{command} {body}", before="")
    request = urllib.request.Request(  # noqa: S310  (always http, to ourselves)
        f"{url}/api/commands/{command}",
        data=body.encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
            status, answer = response.status, json.load(response)
    except urllib.error.HTTPError as refusal:
        with refusal:
            status, answer = refusal.code, json.load(refusal)
    except OSError as error:
        raise DemoError(f"{command} got no answer: {error}") from error
    say(f"< {status} {json.dumps(answer, indent=2 if status != 200 else None)}", before="")
    if status != expect:
        raise DemoError(f"{command} was answered with {status}, not {expect}")
    return answer


def say(text: str, *, before: str = "\n") -> None:
    """Show what happens here, as opposed to in the service."""
    sys.stdout.write(f"{before}{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        demo()
    except DemoError as error:
        sys.stdout.flush()
        sys.stderr.write(f"demo: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
