"""The SQLite store against the plain model, alone and beside a second process."""

import tempfile
from pathlib import Path

from headwater.stores.contract import Store
from headwater.stores.sqlite.store import SqliteStore
from hypothesis import settings

from tests.contract.model import StoreAgainstModel


class SqliteStoreAgainstModel(StoreAgainstModel):
    def make_store(self) -> Store:
        self.folder = tempfile.TemporaryDirectory()
        return SqliteStore(Path(self.folder.name) / "store.db", self.clock)

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


TestSqliteStoreAgainstModel = SqliteStoreAgainstModel.TestCase
TestSqliteStoreAgainstModel.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None
)
