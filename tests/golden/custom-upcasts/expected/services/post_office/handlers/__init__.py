"""The handlers of post-office, one a file. Yours to edit."""

from .give_address import give_address

__all__ = [
    "give_address",
]
