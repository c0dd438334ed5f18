"""analytics, as `headwater run services.analytics` starts it. Yours to edit."""

from generated.analytics import analytics as service

from . import handlers

__all__ = ["handlers", "service"]
