"""post-office, as `headwater run services.post_office` starts it. Yours to edit."""

from generated.post_office import post_office as service

from . import handlers

__all__ = ["handlers", "service"]
