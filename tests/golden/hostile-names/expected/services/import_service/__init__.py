"""import-service, as `headwater run services.import_service` starts it. Yours to edit."""

from generated.import_service import import_service as service

from . import handlers

__all__ = ["handlers", "service"]
