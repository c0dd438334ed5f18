"""The memory store against the plain model."""

from headwater.stores.contract import Store
from headwater.stores.memory import MemoryStore
from headwater.testing.conformance.machine import StoreAgainstModel
from hypothesis import settings


class MemoryStoreAgainstModel(StoreAgainstModel):
    def make_store(self) -> Store:
        return MemoryStore(self.clock)


TestMemoryStoreAgainstModel = MemoryStoreAgainstModel.TestCase
TestMemoryStoreAgainstModel.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
