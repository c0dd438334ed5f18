"""The SQLite store keeps the contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from headwater.stores.contract import Store
from headwater.stores.sqlite.store import SqliteStore
from headwater.testing import VirtualClock
from headwater.testing.conformance import STREAMS, StoreContract


class TestSqliteStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: VirtualClock, tmp_path: Path) -> AsyncIterator[Store]:
        store = SqliteStore(tmp_path / "store.db", clock)
        await store.open(STREAMS)
        yield store
        await store.close()
