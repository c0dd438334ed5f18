"""A problem as a response, and what is answered to whatever no command's endpoint saw."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from ..problems import MEDIA_TYPE, Problem, problem_of, status_kind
from .headers import REQUEST_ID, request_id_of

__all__ = ["CLOSE", "fail", "problem_response", "refuse"]

CLOSE = (("Connection", "close"),)
"""For what is refused with a part of its body unread: nothing can follow on this connection."""


def problem_response(problem: Problem, request_id: str) -> Response:
    """The response that tells a client of the problem."""
    return JSONResponse(
        problem.body(request_id),
        problem.kind.status,
        headers={REQUEST_ID: request_id, **dict(problem.headers)},
        media_type=MEDIA_TYPE,
    )


async def refuse(request: Request, error: Exception) -> Response:
    """Answer what FastAPI refuses: no such path, no such method."""
    refusal = cast("StarletteHTTPException", error)
    kind = status_kind(HTTPStatus(refusal.status_code))
    what = f"{request.method} {request.url.path}"
    return problem_response(
        Problem(kind, f"{what}: {kind.title.lower()}.", headers=_pairs(refusal.headers)),
        request_id_of(request.scope),
    )


async def fail(request: Request, error: Exception) -> Response:
    """Answer what went wrong outside of a command."""
    return problem_response(problem_of(error), request_id_of(request.scope))


def _pairs(headers: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple((headers or {}).items())
