"""shop, as `headwater run services.shop` starts it. Yours to edit."""

from generated.shop import shop as service

from . import handlers

__all__ = ["handlers", "service"]
