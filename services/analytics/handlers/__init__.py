"""The handlers of analytics, one a file. Yours to edit."""

from .signups import signups

__all__ = [
    "signups",
]
