"""Whom a transaction that was committed concerns."""

from __future__ import annotations

from .transaction import Transaction

__all__ = ["Change"]


class Change:
    """What a transaction that was committed means to those who wait."""

    def __init__(self, transaction: Transaction) -> None:
        self.woken = transaction.woken
        """Feeds that may have something to hand out."""
        self.appended = transaction.appended
        """Streams and the names of their new events."""
        self.sent = transaction.sent
        """Whether there may be stored commands to execute."""
        self.regrouped = transaction.regrouped
        """Subscriptions whose partitions may change hands, or were changed."""
