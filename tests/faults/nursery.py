"""The process that actors are forked from: `python -m tests.faults.nursery`.

It has imported all that they need, so an actor starts in milliseconds and a test can afford to kill
hundreds. Requests and answers are lines of JSON. A process that ended stays unreaped until it is
waited for, so its id cannot mean another process meanwhile; those left are killed at the end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import headwater.transports.rabbitmq.transport  # noqa: F401  (otherwise loaded by each actor)

from tests.faults import actors, carriers, members, releases

__all__ = ["main"]

ROLES = actors.ROLES | carriers.ROLES | members.ROLES | releases.ROLES
LOOK = 0.001  # seconds between two looks whether a process has ended


def main() -> None:
    """Serve requests until there are no more."""
    children: set[int] = set()
    print(json.dumps({"ready": os.getpid()}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "role" in request:
            child = _fork(request)
            children.add(child)
            answer = {"process": child}
        else:
            status = _wait(request["wait"], request["within"])
            if status is not None:
                children.discard(request["wait"])
            answer = {"status": status}
        print(json.dumps(answer), flush=True)
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _fork(request: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        with Path(request["log"]).open("ab", buffering=0) as log:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        actors.run(ROLES[request["role"]], request["options"])
        status = 0
    except BaseException:  # noqa: BLE001  (its own process: the log is all there is)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _wait(child: int, within: float) -> int | None:
    """Its exit status, negative for a signal; `None` if it is still there after that time."""
    until = time.monotonic() + within
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= until:
            return None
        time.sleep(LOOK)


if __name__ == "__main__":
    main()
