"""The PostgreSQL store keeps the contract."""

from collections.abc import AsyncIterator

import pytest
from headwater.stores.contract import Store
from headwater.stores.postgres.store import PostgresStore
from headwater.testing import VirtualClock
from headwater.testing.conformance import STREAMS, StoreContract


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: VirtualClock, postgres_url: str) -> AsyncIterator[Store]:
        store = PostgresStore(postgres_url, clock)
        await store.open(STREAMS)
        yield store
        await store.close()
