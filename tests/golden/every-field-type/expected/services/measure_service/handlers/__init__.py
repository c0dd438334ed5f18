"""The handlers of measure-service, one a file. Yours to edit."""

from .measure import measure

__all__ = [
    "measure",
]
