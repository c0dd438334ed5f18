"""Serve one service in this process, from the banner to the last event handled.

The first SIGTERM or SIGINT stops it gracefully: it takes no new requests, lets the commands and
handlers that run finish within a budget, then ends. The second ends the process at once.
"""

import asyncio
import logging
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

from headwater.app import App
from headwater.errors import ConfigurationError, HeadwaterError
from headwater.operations.logging import configure_logging, is_human, personal_names
from headwater.operations.settings import Settings, misspelled_settings
from headwater.stores.databases import shown
from headwater.transports.http import is_loopback, path_of

from .loading import Runnable
from .server import Server, address_of, listen

__all__ = ["serve"]

STOPPED = 0
FAILED = 1

SIGNALS = (signal.SIGINT, signal.SIGTERM)
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
        broker=settings.broker or None,
        broker_options=settings.broker_options,
        lifespan=runnable.lifespan,
        drain=settings.stop_timeout,
        retention_interval=settings.retention_interval,
        keep_keys=settings.keep_keys,
        validate_events=settings.validate_events,
        consumer=settings.consumer or None,
    )
    _require_token_beyond_loopback(settings)
    with listen(settings.host, settings.port) as listener:
        return asyncio.run(_serve(app, listener, settings))


async def _serve(app: App[Any], listener: socket.socket, settings: Settings) -> int:
    url = address_of(listener)
    server = Server(app, settings, on_accepting=lambda: _announce(app, url, settings))
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
        except HeadwaterError as error:  # it says what there is to say
            _log.error("%s failed: %s", "stopping" if asked.is_set() else "starting", error)
            return FAILED
        except Exception:  # noqa: BLE001  (a team's own lifespan can raise anything)
            _log.exception("%s failed", "stopping" if asked.is_set() else "starting")
            return FAILED
    _log.info("stopped", extra={"service": app.service.name})
    return STOPPED


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


def _require_token_beyond_loopback(settings: Settings) -> None:
    if is_loopback(settings.host):
        return
    if not settings.tokens:
        raise ConfigurationError(
            f"{settings.host!r} is not a loopback address: whoever reaches it could send commands. "
            "Put what `headwater token` prints as a fingerprint into HEADWATER_TOKENS; requests "
            "then need the token"
        )
    _log.warning(
        "tokens and data cross the network readable by others: have a proxy in front speak TLS",
        extra={"host": settings.host},
    )


def _announce(app: App[Any], url: str, settings: Settings) -> None:
    """What is served, for people or for logs; and the address on stdout, for programs."""
    service = app.service
    handled = [one.name for one in service.subscriptions if one.handler is not None]
    if is_human(settings.log_format):
        parts = {
            "store": shown(settings.database)
            + (" (forgotten when the process ends)" if settings.database == "memory://" else ""),
            "broker": app.broker or "",
            "streams": ", ".join(f"{one.name} ({one.type.value})" for one in service.streams),
            "commands": ", ".join(path_of(one) for one in service.commands),
            "handlers": ", ".join(handled),
            "docs": f"{url}/docs",
            "access": "with a token" if settings.tokens else "",
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
                "database": shown(settings.database),
                **({"broker": app.broker} if app.broker else {}),
                "needs_token": bool(settings.tokens),
                "streams": [one.name for one in service.streams],
                "commands": [one.name for one in service.commands],
                "handlers": handled,
            },
        )
    sys.stdout.write(f"Listening on {url}\n")
    sys.stdout.flush()
