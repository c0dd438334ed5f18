"""The SQLite store against the plain model, alone and beside a second process."""

import tempfile
from pathlib import Path
from typing import Any

from headwater.stores.contract import Store
from headwater.stores.sqlite.store import SqliteStore
from headwater.testing.conformance.machine import StoreAgainstModel
from hypothesis import settings


class SqliteStoreAgainstModel(StoreAgainstModel):
    def make_store(self) -> Store:
        self.folder = tempfile.TemporaryDirectory()
        return SqliteStore(Path(self.folder.name) / "store.db", self.clock)

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


TestSqliteStoreAgainstModel = SqliteStoreAgainstModel.TestCase
TestSqliteStoreAgainstModel.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None
)


class Alternating:
    """Two stores on one file, as two processes have them: each call goes to the other one."""

    def __init__(self, *stores: Store) -> None:
        self.stores = stores
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        if name in {"open", "close", "register"}:
            return lambda *arguments: self._by_both(name, *arguments)
        self.calls += 1
        return getattr(self.stores[self.calls * 7 % 3 % 2], name)

    async def _by_both(self, name: str, *arguments: Any) -> None:
        for store in self.stores:
            await getattr(store, name)(*arguments)


class TwoSqliteStoresAgainstModel(SqliteStoreAgainstModel):
    def make_store(self) -> Any:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "store.db"
        return Alternating(SqliteStore(path, self.clock), SqliteStore(path, self.clock))


TestTwoSqliteStoresAgainstModel = TwoSqliteStoresAgainstModel.TestCase
TestTwoSqliteStoresAgainstModel.settings = settings(
    max_examples=15, stateful_step_count=40, deadline=None
)
