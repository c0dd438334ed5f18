"""Serve one service in this process, from the banner to the last event handled.

The first SIGTERM or SIGINT stops it gracefully: it takes no new requests, lets the commands and
handlers that run finish within a budget, then ends. The second ends the process at once.
"""

import asyncio
import errno
import logging
import math
import os
import signal
import socket
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import FrameType
from typing import Any

import uvicorn
from headwater.app import App
from headwater.errors import ConfigurationError
from headwater.operations.logging import configure_logging, is_human, personal_names
from headwater.operations.settings import Settings, misspelled_settings
from headwater.transports.http import Limits, application, is_loopback, path_of

from .loading import Runnable

__all__ = ["serve"]

STOPPED = 0
FAILED = 1

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LARGEST_HEADERS = 16 * 1024  # bytes
MOST_CONNECTIONS = 1_000
GRACE = 1.0  # seconds beyond the budget before the process ends itself

_log = logging.getLogger("headwater.run")


def serve(runnable: Runnable, settings: Settings) -> int:
    """Serve until stopped and return the exit status.

    Raises:
        ConfigurationError: The handlers do not fit, or the address or database is not to be had.
    """
    configure_logging(
        settings.log_format, settings.log_level, personal=personal_names(runnable.service)
    )
    for name, meant in misspelled_settings().items():
        _log.warning("%s is not a setting and has no effect; did you mean %s?", name, meant)
    app = App(
        runnable.service,
        handlers=runnable.handlers,
        database=settings.database,
        lifespan=runnable.lifespan,
        drain=settings.stop_timeout,
    )
    with _listen(settings.host, settings.port) as listener:
        return asyncio.run(_serve(app, listener, settings))


async def _serve(app: App[Any], listener: socket.socket, settings: Settings) -> int:
    server = _Server(app, listener, settings)
    asked = asyncio.Event()

    def stop() -> None:
        _log.info("stopping", extra={"service": app.service.name})
        server.should_exit = True
        asked.set()
        # The app keeps to its budget; a lifespan that hangs would not.
        asyncio.get_running_loop().call_later(settings.stop_timeout + GRACE, _give_up, settings)

    with _on_signals(stop):
        try:
            async with app:
                serving = asyncio.create_task(server.serve(sockets=[listener]))
                told = asyncio.create_task(asked.wait())
                await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
                told.cancel()
            await serving
        except ConfigurationError:
            raise
        except Exception:  # noqa: BLE001  (a team's own lifespan can raise anything)
            _log.exception("%s failed", "stopping" if asked.is_set() else "starting")
            return FAILED
    _log.info("stopped", extra={"service": app.service.name})
    return STOPPED


class _Server(uvicorn.Server):
    """Uvicorn with our limits. It announces itself once it accepts, and leaves signals to us."""

    def __init__(self, app: App[Any], listener: socket.socket, settings: Settings) -> None:
        limits = Limits(
            max_body=settings.max_body,
            body_timeout=settings.body_timeout,
            command_timeout=settings.command_timeout,
        )
        super().__init__(
            uvicorn.Config(
                application(app, limits=limits, allowed_hosts=settings.allowed_hosts),
                # Not what happens to be installed: the limits are those of this implementation.
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=LARGEST_HEADERS,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=math.ceil(settings.stop_timeout),
            )
        )
        self._app = app
        self._url = _url(listener)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept requests, and say so."""
        await super().startup(sockets)
        _announce(self._app, self._url, self._settings)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to whoever set a handler."""
        yield


@contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` in the event loop at the first signal; end the process at the second."""
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            loop.call_soon_threadsafe(stop)
        else:
            os._exit(128 + number)

    before = {number: signal.signal(number, receive) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _give_up(settings: Settings) -> None:
    _log.error("not stopped within %g s; what still ran is broken off", settings.stop_timeout)
    sys.stdout.flush()
    os._exit(FAILED)


def _listen(host: str, port: int) -> socket.socket:
    """A socket of that address that nobody else can take any more."""
    if not is_loopback(host):
        raise ConfigurationError(
            f"{host!r} is not a loopback address, and this version serves no other: whoever "
            "reaches the port may send commands. Put a proxy that authenticates in front."
        )
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


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(app: App[Any], url: str, settings: Settings) -> None:
    """What is served, for people or for logs; and the address on stdout, for programs."""
    service = app.service
    handled = [one.name for one in service.subscriptions if one.handler is not None]
    if is_human(settings.log_format):
        parts = {
            "store": settings.database
            + (" (forgotten when the process ends)" if settings.database == "memory://" else ""),
            "streams": ", ".join(f"{one.name} ({one.type.value})" for one in service.streams),
            "commands": ", ".join(path_of(one) for one in service.commands),
            "handlers": ", ".join(handled),
            "docs": f"{url}/docs",
        }
        lines = [f"headwater {version('headwater')} serves {service.name}"]
        lines += [
            textwrap.fill(text, 100, initial_indent=f"  {name:<10}", subsequent_indent=" " * 12)
            for name, text in parts.items()
            if text
        ]
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()
    else:
        _log.info(
            "serving",
            extra={
                "service": service.name,
                "url": url,
                "database": settings.database,
                "streams": [one.name for one in service.streams],
                "commands": [one.name for one in service.commands],
                "handlers": handled,
            },
        )
    sys.stdout.write(f"Listening on {url}\n")
    sys.stdout.flush()
