"""The broker inside the process keeps the contract."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from headwater.testing.conformance.transports import TransportContract
from headwater.transports.broker import Queue, Transport
from headwater.transports.memory import MemoryBroker, MemoryTransport


class MemoryUnderTest:
    def __init__(self) -> None:
        self._broker = MemoryBroker()

    async def connect(self) -> Transport:
        transport = MemoryTransport(self._broker)
        await transport.open()
        return transport

    async def dead_letters(self, queue: Queue, count: int) -> Sequence[bytes]:
        return [arrival.body for arrival, _ in self._broker.dead_letters(queue)][:count]


class TestMemoryTransport(TransportContract):
    @pytest.fixture
    def broker(self) -> MemoryUnderTest:
        return MemoryUnderTest()
