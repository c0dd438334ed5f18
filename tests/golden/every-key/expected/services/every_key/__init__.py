"""every-key, as `headwater run services.every_key` starts it. Yours to edit."""

from generated.every_key import every_key as service

from . import handlers

__all__ = ["handlers", "service"]
