"""Who is let in at all: only what is for this machine, and for pages that come from it."""

import ipaddress
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import Problem, status_kind
from .headers import REQUEST_ID, request_id_of
from .refusals import CLOSE, problem_response

__all__ = ["OwnHostOnly", "is_loopback"]


class OwnHostOnly:
    """Lets in what is for this machine's own name, and answers nobody without a request id."""

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope)

        async def send_identified(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault(REQUEST_ID, request_id)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send_identified)
        else:
            await problem_response(refusal, request_id)(scope, receive, send_identified)

    def _refusal(self, headers: Headers) -> Problem | None:
        host = headers.get("Host", "")
        if not self._is_own(f"//{host}"):
            return Problem(
                status_kind(HTTPStatus.MISDIRECTED_REQUEST),
                "This service does not answer for that host name; "
                "HEADWATER_ALLOWED_HOSTS lists more of them.",
                headers=CLOSE,
            )
        origin = headers.get("Origin")
        if origin is not None and not self._is_own(origin):
            return Problem(
                status_kind(HTTPStatus.FORBIDDEN),
                "Pages of other origins may not use this service.",
                headers=CLOSE,
            )
        return None

    def _is_own(self, url: str) -> bool:
        try:
            name = urlsplit(url).hostname or ""
        except ValueError:
            return False
        return name == "localhost" or name in self._allowed or is_loopback(name)


def is_loopback(host: str) -> bool:
    """Whether the address reaches this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
