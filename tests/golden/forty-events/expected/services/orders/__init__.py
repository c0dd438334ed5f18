"""orders, as `headwater run services.orders` starts it. Yours to edit."""

from generated.orders import orders as service

from . import handlers

__all__ = ["handlers", "service"]
