"""The PostgreSQL store keeps the contract."""

from collections.abc import AsyncIterator

import pytest
from headwater.stores.contract import Store
from headwater.stores.postgres import store as module
from headwater.stores.postgres.batch import Batch
from headwater.stores.postgres.store import PostgresStore
from headwater.testing import VirtualClock
from headwater.testing.conformance import STREAMS, StoreContract
from headwater.testing.conformance.log import LogCases


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: VirtualClock, postgres_url: str) -> AsyncIterator[Store]:
        store = PostgresStore(postgres_url, clock)
        await store.open(STREAMS)
        yield store
        await store.close()


class TestAppendsAmongUnitsOfOtherKinds(LogCases):
    """They keep it too where the statement for units of every kind writes them."""

    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock()

    @pytest.fixture
    async def store(
        self, clock: VirtualClock, postgres_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Store]:
        monkeypatch.setattr(module, "batch_of", Batch)
        store = PostgresStore(postgres_url, clock)
        await store.open(STREAMS)
        yield store
        await store.close()
