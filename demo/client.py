"""Commands over HTTP, and what is shown of them."""

import json
import sys
import urllib.error
import urllib.request
from typing import Any

from .service import PATIENCE, DemoError

__all__ = ["get", "post", "say", "send"]


def send(
    url: str, command: str, fields: dict[str, Any], *, expect: int = 200, key: str | None = None
) -> Any:
    """Send a command, show both ways, and return the answer.

    Raises:
        DemoError: There is no answer, or one of another status than is expected.
    """
    say(f"> POST /api/commands/{command} {json.dumps(fields)}", before="")
    try:
        status, answer = post(url, command, fields, key=key)
    except OSError as error:
        raise DemoError(f"{command} got no answer: {error}") from error
    say(f"< {status} {json.dumps(answer, indent=2 if status != 200 else None)}", before="")
    if status != expect:
        raise DemoError(f"{command} was answered with {status}, not {expect}")
    return answer


def post(
    url: str, command: str, fields: dict[str, Any], *, key: str | None = None
) -> tuple[int, Any]:
    """The status and the body that a command is answered with.

    Raises:
        OSError: There is no answer: it may have been executed or not.
    """
    request = urllib.request.Request(  # noqa: S310  (always http, to ourselves)
        f"{url}/api/commands/{command}",
        data=json.dumps(fields).encode(),
        headers={
            "Content-Type": "application/json",
            **({} if key is None else {"Idempotency-Key": key}),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def get(url: str, path: str) -> Any:
    """What is answered there.

    Raises:
        DemoError: There is no answer, or one that says it is not well.
    """
    try:
        with urllib.request.urlopen(f"{url}{path}", timeout=PATIENCE) as response:  # noqa: S310
            return json.load(response)
    except OSError as error:
        raise DemoError(f"{path} got no answer: {error}") from error


def say(text: str, *, before: str = "\n") -> None:
    """Show what happens here, as opposed to in the service."""
    sys.stdout.write(f"{before}{text}\n")
    sys.stdout.flush()
