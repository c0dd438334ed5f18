"""What becomes of a connection to RabbitMQ that is being made or given up when it is to end."""

from __future__ import annotations

import asyncio

import aio_pika
import pytest
from headwater.transports.rabbitmq import RabbitmqTransport

DEADLINE = 10.0


class RefusingConnection:
    """Refuses to be used, and takes its time to close."""

    def __init__(self) -> None:
        self.closing = asyncio.Event()

    async def channel(self, **_: object) -> None:
        raise RuntimeError("refused")

    async def close(self) -> None:
        self.closing.set()
        await asyncio.Event().wait()


async def test_a_transport_closed_while_it_gives_up_a_connection_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It does not take its own end for that of the connection, and go on to the next one."""
    connection = RefusingConnection()

    async def connect(*_: object, **__: object) -> RefusingConnection:
        return connection

    monkeypatch.setattr(aio_pika, "connect", connect)
    transport = RabbitmqTransport("amqp://guest:guest@127.0.0.1:1/")
    async with asyncio.timeout(DEADLINE):
        await transport.open()
        await connection.closing.wait()
    closing = asyncio.create_task(transport.close())

    done, _ = await asyncio.wait({closing}, timeout=DEADLINE)

    assert done
