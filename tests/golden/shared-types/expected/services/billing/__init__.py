"""billing, as `headwater run services.billing` starts it. Yours to edit."""

from generated.billing import billing as service

from . import handlers

__all__ = ["handlers", "service"]
