"""A command out of a request, within limits."""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import Request
from headwater.events import Command
from pydantic import ValidationError
from pydantic_core import from_json, to_json
from starlette.datastructures import Headers
from starlette.types import Scope

from ..problems import Problem, invalid_command, status_kind
from .headers import IDEMPOTENCY_KEY, TIMEOUT
from .refusals import CLOSE

__all__ = [
    "DEFAULT_LIMITS",
    "KEY",
    "SECONDS",
    "Limits",
    "deadline_of",
    "idempotency_key_of",
    "read_command",
    "require_small_head",
]

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE

SECONDS = r"^(?!0+(\.0+)?$)[0-9]{1,6}(\.[0-9]{1,6})?$"
"""What `X-Timeout` takes: seconds above 0."""
KEY = r'^(?!"?sent:)([!#-~]{1,255}|"[!#-~]{1,255}")$'
"""What `Idempotency-Key` takes. Keys with `sent:` are the runtime's, for what handlers send."""
_JSON = re.compile(r'application/(json|[a-z0-9.+-]+\+json)(;charset="?utf-8"?)?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a request is taken."""

    max_body: int = MEBIBYTE
    """Bytes."""
    body_timeout: float = 30.0
    """Seconds until the whole body must have come."""
    command_timeout: float = 30.0
    """Seconds a command may take; a request's `X-Timeout` can ask for less."""
    max_headers: int = 8 * KIBIBYTE
    """Bytes of all header names and values of a request; `headwater run` refuses more."""
    max_path: int = 2 * KIBIBYTE
    """Bytes of a request's path with its query; `headwater run` refuses more."""


DEFAULT_LIMITS = Limits()


async def read_command(
    request: Request, command: type[Command[Any]], limits: Limits
) -> Command[Any]:
    """The command in the request's body, parsed once by its own model.

    Raises:
        Problem: The body is none of this command, too large, or did not come in time.
    """
    _require_json(request.headers)
    body = await _read_body(request, limits)
    try:
        return command.model_validate_json(body)
    except ValidationError as error:
        if (whole := _with_whole_numbers(body, error)) is not None:
            with suppress(ValidationError):
                return command.model_validate_json(whole)
        raise invalid_command(error, body) from None


def deadline_of(request: Request, limits: Limits, started: float) -> float:
    """Seconds that are left for the command, of a request that came at `started`.

    Raises:
        Problem: The request asks for what is no time.
    """
    asked = request.headers.get(TIMEOUT)
    allowed = limits.command_timeout
    if asked is not None:
        if re.fullmatch(SECONDS, asked) is None:
            raise Problem(
                status_kind(HTTPStatus.BAD_REQUEST),
                f"{TIMEOUT} takes seconds above 0, such as 2.5.",
            )
        allowed = min(allowed, float(asked))
    return max(round(allowed - (time.perf_counter() - started), 3), 0.0)


def idempotency_key_of(request: Request) -> str | None:
    """The key under which the command is executed once, however often the request comes.

    It may stand in quotes, as a structured field, or without.

    Raises:
        Problem: There are several, or it is none.
    """
    given = request.headers.getlist(IDEMPOTENCY_KEY)
    if not given:
        return None
    if len(given) > 1 or re.fullmatch(KEY, given[0]) is None:
        raise Problem(
            status_kind(HTTPStatus.BAD_REQUEST),
            f"{IDEMPOTENCY_KEY} takes one key of 1 to 255 visible ASCII characters, such as a "
            "UUID; it does not begin with sent:",
        )
    return given[0].strip('"')


def require_small_head(scope: Scope, limits: Limits) -> None:
    """Refuse a request whose path or headers are larger than their limits.

    Raises:
        Problem: They are.
    """
    query = scope["query_string"]
    path = len(scope.get("raw_path") or scope["path"].encode()) + (len(query) + 1 if query else 0)
    if path > limits.max_path:
        raise Problem(
            status_kind(HTTPStatus.REQUEST_URI_TOO_LONG),
            f"The path may have {limits.max_path} bytes.",
            headers=CLOSE,
        )
    if sum(len(name) + len(value) for name, value in scope["headers"]) > limits.max_headers:
        raise Problem(
            status_kind(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
            f"The headers may have {limits.max_headers} bytes together.",
            headers=CLOSE,
        )


def _require_json(headers: Headers) -> None:
    media_type = headers.get("Content-Type", "").lower().replace(" ", "")
    if _JSON.fullmatch(media_type) is None:
        detail = "Send the command with Content-Type: application/json."
    elif headers.get("Content-Encoding", "identity").lower() != "identity":
        detail = "Send the command without Content-Encoding."
    else:
        return
    raise Problem(status_kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE), detail)


async def _read_body(request: Request, limits: Limits) -> bytes:
    """The body, never holding more of it than its limit."""
    too_large = Problem(
        status_kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        f"The body may have {limits.max_body} bytes.",
        headers=CLOSE,
    )
    announced = request.headers.get("Content-Length", "0")
    if announced.isdecimal() and int(announced) > limits.max_body:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_timeout):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.max_body:
                    raise too_large
    except TimeoutError:
        raise Problem(
            status_kind(HTTPStatus.REQUEST_TIMEOUT),
            f"The body did not come within {limits.body_timeout:g} seconds.",
            headers=CLOSE,
        ) from None
    return bytes(body)


def _with_whole_numbers(body: bytes, error: ValidationError) -> bytes | None:
    """The body with `3.0` written as `3` where a whole number is due; `None` if that is not it.

    To JSON Schema, and so to clients that are made from it, both are the same integer.
    """
    places = [
        one["loc"]
        for one in error.errors(include_url=False, include_context=False)
        if one["type"] == "int_type"
        and isinstance(one["input"], float)
        and one["input"].is_integer()
    ]
    if not places:
        return None
    document = from_json(body)
    for *way, last in places:
        holder = document
        try:
            for step in way:
                holder = holder[step]
            holder[last] = int(holder[last])
        except (LookupError, TypeError, ValueError):  # a way through a union's members
            return None
    return to_json(document)
