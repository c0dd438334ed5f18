"""One connection to RabbitMQ that comes back by itself.

The drivers can restore connections too, and have been seen to forget consumers or to wait for ever
(aio-pika issues 231, 334, 536, 626); so each connection here is used once, proved by a message that
comes back, and replaced by a new one when it ends.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from enum import Enum

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import AMQPChannelError, AMQPError
from headwater.clock import Clock, end_task, is_cancelled, sleep
from headwater.errors import BrokerUnavailableError
from headwater.stores.signal import Signal
from headwater.transports.broker import BrokerState

from .connections import CarefulConnection, PlainConnection, is_unreadable
from .options import Address, RabbitmqOptions

__all__ = ["FAILURES", "Link", "Purpose", "reason_of", "send_and_receive"]

FIRST_PAUSE = 0.2  # seconds; doubles up to the longest
FAILURES = (AMQPError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)
"""What the drivers raise for what the broker or the network does."""

logger = logging.getLogger("headwater.transports.rabbitmq")


class Purpose(Enum):
    """What a connection is for. The broker holds up those that publish, and nobody else."""

    PUBLISHING = "publishing"
    CONSUMING = "consuming"


class Link:
    """Connects for one purpose, again and again, from `open` to `close`."""

    def __init__(
        self,
        address: Address,
        purpose: Purpose,
        options: RabbitmqOptions,
        clock: Clock,
        chance: random.Random,
        changes: Signal,
    ) -> None:
        self._address = address
        self._purpose = purpose
        self._kind: type[PlainConnection] = PlainConnection
        self._options = options
        self._clock = clock
        self._chance = chance
        self._connection: AbstractConnection | None = None
        self._state = BrokerState()
        self._task: asyncio.Task[None] | None = None
        self._doubt: asyncio.Future[str] | None = None
        self._unblocking: asyncio.Task[None] | None = None
        self.changes = changes

    @property
    def state(self) -> BrokerState:
        """How it stands."""
        return self._state

    def open(self) -> None:
        """Begin to connect."""
        self._state = BrokerState(since=self._clock.now(), reason="connecting")
        self._task = asyncio.create_task(
            self._run(), name=f"headwater-rabbitmq-{self._purpose.value}"
        )

    async def close(self) -> None:
        """Disconnect, and connect no more."""
        for task in (self._task, self._unblocking):
            if task is not None:
                await end_task(task)
        self._task = self._unblocking = None
        await self._drop()
        self._become(BrokerState(since=self._clock.now(), reason="closed"))

    async def connected(self) -> AbstractConnection:
        """The connection, as soon as there is one."""
        while True:
            seen = self.changes.generation
            if self._connection is not None:
                return self._connection
            await self.changes.wait_after(seen)

    def connection(self) -> AbstractConnection:
        """The connection that is there now.

        Raises:
            BrokerUnavailableError: There is none.
        """
        if self._connection is None:
            raise BrokerUnavailableError(self._state.reason)
        return self._connection

    def doubt(self, connection: AbstractConnection) -> None:
        """Use this connection no more, and make another one: over it nothing is answered."""
        if connection is self._connection and self._doubt is not None and not self._doubt.done():
            self._doubt.set_result("nothing is answered on it any more")

    async def look_whether_blocked(self) -> bool:
        """Whether the broker takes no messages on this connection; watched until it does again."""
        connection = self._connection
        if connection is None or not await _is_blocked(connection):
            return False
        if self._unblocking is None or self._unblocking.done():
            self._unblocking = asyncio.create_task(
                self._watch(connection), name="headwater-rabbitmq-blocked"
            )
        return True

    async def _watch(self, connection: AbstractConnection) -> None:
        logger.warning("broker takes no messages for now", extra=self._about())
        self._become(BrokerState(connected=True, blocked=True, since=self._clock.now(), reason=""))
        await _unblocked(connection)
        if self._connection is connection:
            logger.info("broker takes messages again", extra=self._about())
            self._become(BrokerState(connected=True, since=self._clock.now(), reason=""))

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                connection = await self._connect()
            except Exception as error:  # noqa: BLE001  (whatever the driver raises, it goes on)
                failures += 1
                self._failed(failures, reason_of(error))
                await sleep(self._clock, self._pause(failures))
                continue
            failures = 0
            self._connection = connection
            logger.info("connected to the broker", extra=self._about())
            self._become(BrokerState(connected=True, since=self._clock.now(), reason=""))
            self._doubt = asyncio.get_running_loop().create_future()
            try:
                await self.look_whether_blocked()
                reason = await self._end_of(connection, self._doubt)
            finally:
                await self._drop()
            logger.warning("connection to the broker lost", extra=self._about(reason))
            self._become(BrokerState(since=self._clock.now(), reason=reason))
            await sleep(self._clock, self._pause(1))

    async def _connect(self) -> AbstractConnection:
        """A connection over which a message has come back.

        While the broker takes no messages there is none: to publish over it has to be waited, and
        the broker reads nothing more of who has tried, so to consume there is another one then.
        """
        connection = await self._opened()
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                await send_and_receive(connection)
        except TimeoutError:
            if not await _is_blocked(connection):
                await _close(connection)
                raise
        except BaseException:
            await _close(connection)
            raise
        else:
            return connection
        if self._purpose is Purpose.PUBLISHING:
            return connection
        await _close(connection)
        return await self._opened()

    async def _opened(self) -> AbstractConnection:
        """A connection on which the broker answers."""
        connection = None
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                connection = await aio_pika.connect(
                    self._address.url,
                    timeout=self._options.connect_timeout,
                    client_properties={"connection_name": f"headwater {self._purpose.value}"},
                    heartbeat=self._options.heartbeat,
                    connection_class=self._kind,
                )
                async with _channel(connection):
                    return connection
        except BaseException:
            if connection is not None:
                await _close(connection)
            raise

    async def _end_of(self, connection: AbstractConnection, ended: asyncio.Future[str]) -> str:
        """Why the connection ended, once it has."""

        def end(_: object, error: BaseException | None) -> None:
            if is_unreadable(error):
                self._kind = CarefulConnection
            if not ended.done():
                ended.set_result("it was closed" if error is None else reason_of(error))

        connection.close_callbacks.add(end)
        return "it was closed" if connection.is_closed else await ended

    def _failed(self, failures: int, reason: str) -> None:
        level = logging.WARNING if failures == 1 else logging.DEBUG
        if failures & (failures - 1) == 0:  # the 1st, 2nd, 4th, 8th...
            level = logging.WARNING
        logger.log(
            level,
            "reconnecting to the broker: attempt %d failed",
            failures,
            extra={**self._about(reason), "attempt": failures},
        )
        self._become(BrokerState(failures=failures, since=self._clock.now(), reason=reason))

    def _pause(self, failures: int) -> float:
        longest = min(self._options.longest_pause, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))
        return longest * self._chance.uniform(0.5, 1.0)

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await _close(connection)

    def _become(self, state: BrokerState) -> None:
        self._state = state
        self.changes.notify()

    def _about(self, reason: str = "") -> dict[str, object]:
        about: dict[str, object] = {"broker": str(self._address), "purpose": self._purpose.value}
        return {**about, "error": reason} if reason else about


async def _is_blocked(connection: AbstractConnection) -> bool:
    try:
        async with asyncio.timeout(0):
            await _unblocked(connection)
    except TimeoutError:
        return True
    return False


async def _unblocked(connection: AbstractConnection) -> None:
    """Return as soon as the broker takes messages on it."""
    if connection.transport is not None:
        await connection.transport.connection.ready()


async def send_and_receive(connection: AbstractConnection) -> None:
    """Send a message to a queue that only this connection has, and have it back."""
    async with _channel(connection) as channel:
        queue = await channel.declare_queue(exclusive=True, auto_delete=True)
        arrived = asyncio.Event()

        async def arrive(_: AbstractIncomingMessage) -> None:
            arrived.set()

        await queue.consume(arrive, no_ack=True)
        message = aio_pika.Message(b"probe")
        await channel.default_exchange.publish(message, routing_key=queue.name)
        await arrived.wait()


@asynccontextmanager
async def _channel(connection: AbstractConnection) -> AsyncIterator[AbstractChannel]:
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    try:
        yield channel
    finally:
        with suppress(*FAILURES):
            await channel.close()


async def _close(connection: AbstractConnection) -> None:
    """Close it, or leave it if that takes too long."""
    with suppress(*FAILURES), drivers_cancellation():
        async with asyncio.timeout(1.0):
            await connection.close()


@contextmanager
def drivers_cancellation() -> Iterator[None]:
    """Take for done what the driver cancels of its own accord, but not if this task is to end."""
    try:
        yield
    except asyncio.CancelledError:
        if is_cancelled():
            raise


def reason_of(error: BaseException) -> str:
    """The error in a few words; texts of the drivers may repeat an address, with its password."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        is_of_tls = error.strerror.startswith("[SSL")
        return f"TLS failed: {error.strerror}" if is_of_tls else error.strerror
    if isinstance(error, AMQPChannelError) and error.args:  # in the broker's own words
        return f"the broker refused: {str(error.args[-1])[:200]}"
    name = type(error).__name__
    match name:
        case "ProbableAuthenticationError" | "AuthenticationError":
            return "user or password are refused"
        case "ConnectionRefusedError" | "AMQPConnectionError":
            return "it cannot be reached"
        case "InvalidFrameError" if "Connection.OpenOk" in str(error.args):
            return "the virtual host is not there, or not for this user"
    code = getattr(error, "reason", None)
    return f"{name}: {str(code)[:120]}" if code else name
