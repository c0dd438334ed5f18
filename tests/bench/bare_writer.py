"""The least that appending to SQLite from an event loop can cost: the peer without a product.

A queue, futures, one thread and `sqlite3`, with the same rows in the same tables and the same
durability as the store. It checks nothing, and knows but one stream.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from uuid import uuid4

from headwater.schema.sqlite import statements

__all__ = ["BODY", "BareWriter"]

BODY = b'{"order_id":123456,"email":"someone@example.com","lines":[{"sku":"abc","quantity":2}]}'
MAX_BATCH = 128  # appends in one transaction


class BareWriter:
    """Coalesces what waits into one transaction."""

    INSERT_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    INSERT_WORKFLOW = "INSERT INTO workflows VALUES (?, ?, ?, ?)"

    def __init__(self, path: Path) -> None:
        self._queue: SimpleQueue[tuple[str, asyncio.Future[int]] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        for statement in statements():
            self._connection.execute(statement)
        self._connection.execute(
            "INSERT INTO streams VALUES ('orders', 'persistent', 0, 1, 1, 0, 0, 0, 0, 0, 0, 0)"
        )
        self._head = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    async def append(self) -> int:
        future: asyncio.Future[int] = self._loop.create_future()
        self._queue.put((str(uuid4()), future))
        return await future

    async def close(self) -> None:
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            batch = [item]
            while len(batch) < MAX_BATCH:
                try:
                    more = self._queue.get_nowait()
                except Empty:
                    break
                if more is None:
                    self._queue.put(None)
                    break
                batch.append(more)
            now = time.time_ns() // 1000
            events, workflows = [], []
            for workflow_id, _ in batch:
                self._head += 1
                events.append(
                    (
                        "orders",
                        self._head,
                        uuid4().bytes,
                        "OrderPlaced",
                        1,
                        "Order",
                        workflow_id,
                        1,
                        now,
                        BODY,
                        '{"command": "PlaceOrder"}',
                    )
                )
                workflows.append(("Order", workflow_id, 1, 0))
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(self.INSERT_WORKFLOW, workflows)
            self._connection.executemany(self.INSERT_EVENT, events)
            self._connection.execute("UPDATE streams SET head = ?", (self._head,))
            self._connection.execute("COMMIT")
            head = self._head - len(batch)
            self._loop.call_soon_threadsafe(self._tell, batch, head)

    @staticmethod
    def _tell(batch: list[tuple[str, asyncio.Future[int]]], head: int) -> None:
        for offset, (_, future) in enumerate(batch, head + 1):
            if not future.done():
                future.set_result(offset)
