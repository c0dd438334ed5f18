"""measure-service, as `headwater run services.measure_service` starts it. Yours to edit."""

from generated.measure_service import measure_service as service

from . import handlers

__all__ = ["handlers", "service"]
