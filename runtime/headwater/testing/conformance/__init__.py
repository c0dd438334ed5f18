"""Proof that a store keeps the contract: cases for pytest, the same that our own stores run.

Subclass `StoreContract` with a fixture that opens your store, empty, with the streams of
`STREAMS`:

    class TestMyStore(StoreContract):
        @pytest.fixture
        async def store(self, clock: VirtualClock) -> AsyncIterator[Store]:
            store = MyStore(clock)
            await store.open(STREAMS)
            yield store
            await store.close()

`StoreAgainstModel`, in `machine`, compares a store with a plain model of one, by random steps.
All of it needs the `testing` extra.
"""

from .contract import StoreContract
from .examples import STREAMS

__all__ = ["STREAMS", "StoreContract"]
