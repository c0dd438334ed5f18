"""The HTTP server of `headwater run`: a socket, and uvicorn with limits of our own."""

import asyncio
import errno
import json
import math
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import h11
import uvicorn
from headwater.app import App
from headwater.errors import ConfigurationError
from headwater.operations.settings import Settings
from headwater.transports.http import Limits, application, is_loopback
from headwater.transports.problems import MEDIA_TYPE, Problem, status_kind
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["Server", "address_of", "listen"]

MOST_CONNECTIONS = 1_000
TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
SEPARATORS = 4 * 1024  # bytes: what is around names and values of headers, as they are sent


class _Config(uvicorn.Config):
    """Uvicorn's configuration, and the seconds within which a request's head has to come."""

    def __init__(self, *arguments: Any, head_timeout: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.head_timeout = head_timeout


class Server(uvicorn.Server):
    """Uvicorn with our limits. It tells when it accepts requests, and leaves signals to others."""

    def __init__(
        self, app: App[Any], settings: Settings, *, on_accepting: Callable[[], None]
    ) -> None:
        limits = Limits(
            max_body=settings.max_body,
            max_headers=settings.max_headers,
            max_path=settings.max_path,
            body_timeout=settings.body_timeout,
            command_timeout=settings.command_timeout,
        )
        super().__init__(
            _Config(
                application(
                    app,
                    limits=limits,
                    allowed_hosts=(*settings.allowed_hosts, settings.host),
                    by_address=not is_loopback(settings.host),
                    tokens=settings.tokens,
                ),
                # Not what happens to be installed: the limits are those of this implementation.
                http=Connection,
                head_timeout=settings.head_timeout,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=settings.max_headers + settings.max_path + SEPARATORS,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=math.ceil(settings.stop_timeout),
            )
        )
        self._on_accepting = on_accepting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept requests, and tell."""
        await super().startup(sockets)
        self._on_accepting()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to whoever set a handler."""
        yield


class Connection(H11Protocol):
    """A connection that has to send the head of each request in time, and well-formed."""

    config: _Config

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Handle what has come; a head that has begun must be whole in time."""
        super().handle_events()
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._waiting is None and self.conn.trailing_data[0]:
            self._expect_head()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, or has too large a head, with a problem."""
        error = sys.exception()
        hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        what = "its head is too large" if hint == TOO_LARGE else "it is not HTTP/1.1"
        self._refuse(HTTPStatus(hint), f"The request cannot be read: {what}.")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.close()  # in the midst of another answer
            return
        request_id = uuid4().hex
        body = json.dumps(Problem(status_kind(status), detail).body(request_id)).encode()
        headers = [
            ("Content-Type", MEDIA_TYPE),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
            ("X-Request-Id", request_id),
        ]
        for event in (
            h11.Response(status_code=status, headers=headers, reason=status.phrase.encode()),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _expect_head(self) -> None:
        self._waiting = self.loop.call_later(self.config.head_timeout, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _head_is_late(self) -> None:
        if self.transport.is_closing():
            return
        if self.conn.trailing_data[0]:
            self._refuse(
                HTTPStatus.REQUEST_TIMEOUT, "The head of the request did not come in time."
            )
        else:
            self.transport.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket of that address that nobody else can take any more.

    Raises:
        ConfigurationError: There is no such address here, or it is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = "it is taken; --port 0 takes a free one"
        else:
            reason = error.strerror or str(error)
        raise ConfigurationError(f"cannot serve on {host} port {port}: {reason}") from error
    return listener


def address_of(listener: socket.socket) -> str:
    """The URL that the socket is reached at."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
