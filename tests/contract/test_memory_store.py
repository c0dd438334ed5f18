"""The memory store keeps the contract."""

import pytest
from headwater.stores.contract import Store
from headwater.stores.memory import MemoryStore
from headwater.testing import VirtualClock
from headwater.testing.conformance import STREAMS, StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: VirtualClock) -> Store:
        store = MemoryStore(clock)
        await store.open(STREAMS)
        return store
