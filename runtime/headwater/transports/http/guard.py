"""What is let in at all: requests for this service, of a decent size, from who may use it."""

import ipaddress
import logging
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import Problem, status_kind
from ..tokens import Tokens
from .headers import REQUEST_ID, request_id_of
from .health import PROBES
from .refusals import CLOSE, problem_response
from .requests import Limits, require_small_head

__all__ = ["Guard", "is_loopback"]

_log = logging.getLogger("headwater.http")


class Guard:
    """Refuses what is not for this service, too large, or from somebody without a token.

    A request has to be for this machine's own name or one of `hosts`, or with `by_address` for
    any address. With `tokens` it needs one of them, but for the health probes. Nobody is answered
    without a request id.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        hosts: Collection[str] = (),
        by_address: bool = False,
        tokens: Tokens,
    ) -> None:
        self._app = app
        self._limits = limits
        self._hosts = hosts
        self._by_address = by_address
        self._tokens = tokens

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

        try:
            self._require_admitted(scope)
        except Problem as refusal:
            response = problem_response(refusal, request_id)
            await response(scope, receive, send_identified)
        else:
            await self._app(scope, receive, send_identified)

    def _require_admitted(self, scope: Scope) -> None:
        require_small_head(scope, self._limits)
        headers = Headers(scope=scope)
        host = headers.get("Host", "")
        if not self._is_ours(f"//{host}"):
            raise Problem(
                status_kind(HTTPStatus.MISDIRECTED_REQUEST),
                "This service does not answer for that host name; "
                "HEADWATER_ALLOWED_HOSTS lists more of them.",
                headers=CLOSE,
            )
        origin = headers.get("Origin")
        if origin is not None and not self._is_page_of_ours(origin, host):
            raise Problem(
                status_kind(HTTPStatus.FORBIDDEN),
                "Pages of other origins may not use this service.",
                headers=CLOSE,
            )
        if self._tokens and scope["path"] not in PROBES:
            self._require_token(scope, headers)

    def _require_token(self, scope: Scope, headers: Headers) -> None:
        if not self._tokens.admits(headers.getlist("Authorization")):
            peer = scope["client"]
            _log.info(
                "request without a valid token refused",
                extra={"peer": peer[0] if peer else None, "request_id": request_id_of(scope)},
            )
            raise Problem(
                status_kind(HTTPStatus.UNAUTHORIZED),
                "Send a token that holds, as Authorization: Bearer and the token.",
                headers=(("WWW-Authenticate", 'Bearer realm="headwater"'), *CLOSE),
            )

    def _is_page_of_ours(self, origin: str, host: str) -> bool:
        name = _name_in(origin)
        return self._is_known(name) or (name != "" and name == _name_in(f"//{host}"))

    def _is_ours(self, url: str) -> bool:
        name = _name_in(url)
        return self._is_known(name) or (self._by_address and _is_address(name))

    def _is_known(self, name: str) -> bool:
        return name == "localhost" or name in self._hosts or is_loopback(name)


def _name_in(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    """Whether it is an address, which no name server can point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether the address reaches this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
