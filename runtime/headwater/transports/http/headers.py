"""The headers that we read and write, and the id that every request goes by."""

import re
from typing import cast
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.types import Scope

__all__ = ["IDEMPOTENCY_KEY", "REQUEST_ID", "TIMEOUT", "WORKFLOW_ID", "request_id_of"]

IDEMPOTENCY_KEY = "Idempotency-Key"
REQUEST_ID = "X-Request-Id"
TIMEOUT = "X-Timeout"
WORKFLOW_ID = "X-Workflow-Id"

_SAFE_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:+/=@-]{1,128}")


def request_id_of(scope: Scope) -> str:
    """The caller's id for the request where it is one to log and repeat, else a new one."""
    known = scope.get("headwater.request_id")
    if known is None:
        given = Headers(scope=scope).get(REQUEST_ID, "")
        known = given if _SAFE_REQUEST_ID.fullmatch(given) else uuid4().hex
        scope["headwater.request_id"] = known
    return cast("str", known)
