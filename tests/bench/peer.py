"""The same orders with the `eventsourcing` package, on SQLite and as durable.

It opens its files in WAL mode and leaves `synchronous` at SQLite's default, which is FULL: the
modes of a Headwater file. `durability` reads both back, so that a bench can say so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from .shop import FIELDS

__all__ = ["Orders", "durability", "open_orders", "place"]


class Order(Aggregate):
    """One order, placed again and again."""

    @event("Placed")
    def __init__(
        self,
        order_id: UUID,
        customer: str,
        note: str,
        quantity: int,
        price: float,
        placed_at: datetime,
    ) -> None:
        self.order_id = order_id

    @event("PlacedAgain")
    def place(
        self,
        order_id: UUID,
        customer: str,
        note: str,
        quantity: int,
        price: float,
        placed_at: datetime,
    ) -> None:
        self.order_id = order_id


class Orders(Application[UUID]):
    """Keeps them."""


@contextmanager
def open_orders(path: Path) -> Iterator[Orders]:
    """The application on that file."""
    orders = Orders(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})
    try:
        yield orders
    finally:
        orders.close()


def place(orders: Orders, times: int = 1) -> None:
    """A new order with that many events, saved in one go."""
    order = Order(**FIELDS)
    for _ in range(times - 1):
        order.place(**FIELDS)
    orders.save(order)


def durability(connection: sqlite3.Connection) -> tuple[str, int]:
    """Its journal mode and `synchronous` (2 is FULL)."""
    [mode] = connection.execute("PRAGMA journal_mode").fetchone()
    [synchronous] = connection.execute("PRAGMA synchronous").fetchone()
    return mode, synchronous
