"""The PostgreSQL store against the plain model, alone and beside a second process."""

from typing import Any, ClassVar

import pytest
from headwater.stores.contract import Store
from headwater.stores.postgres.store import PostgresStore
from headwater.testing.conformance.machine import StoreAgainstModel
from hypothesis import settings

from tests.contract.test_sqlite_model import Alternating
from tests.support.postgres import Server


@pytest.fixture(scope="module", autouse=True)
def database(postgres: Server) -> None:
    PostgresStoreAgainstModel.postgres = postgres
    PostgresStoreAgainstModel.url = postgres.run(postgres.create_database("template"))


class PostgresStoreAgainstModel(StoreAgainstModel):
    postgres: ClassVar[Server]
    url: ClassVar[str]

    def make_store(self) -> Any:
        self.empty()
        return self.store_beside()

    def store_beside(self) -> Store:
        return PostgresStore(self.url, self.clock, connections=2)

    def empty(self) -> None:
        self.postgres.run(self.postgres.empty_database(self.url))


TestPostgresStoreAgainstModel = PostgresStoreAgainstModel.TestCase
TestPostgresStoreAgainstModel.settings = settings(
    max_examples=5, stateful_step_count=40, deadline=None
)


class TwoPostgresStoresAgainstModel(PostgresStoreAgainstModel):
    def make_store(self) -> Any:
        self.empty()
        return Alternating(self.store_beside(), self.store_beside())


TestTwoPostgresStoresAgainstModel = TwoPostgresStoresAgainstModel.TestCase
TestTwoPostgresStoresAgainstModel.settings = settings(
    max_examples=5, stateful_step_count=40, deadline=None
)
