"""The handlers of shop, one a file. Yours to edit."""

from .sell_item import sell_item

__all__ = [
    "sell_item",
]
