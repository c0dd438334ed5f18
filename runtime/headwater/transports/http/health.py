"""Whether the service is up, for whoever starts and watches it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

__all__ = ["HealthStatus", "add_health"]


class HealthStatus(BaseModel):
    """Whether the service is up. Tells nothing else: anybody may ask."""

    status: Literal["up", "down"]


def add_health(routes: APIRouter, is_ready: Callable[[], bool]) -> None:
    """Add `/health/live` and `/health/ready`."""

    async def live() -> Response:
        """Whether the process answers at all."""
        return JSONResponse({"status": "up"})

    async def ready() -> Response:
        """Whether the service takes commands."""
        if is_ready():
            return JSONResponse({"status": "up"})
        return JSONResponse({"status": "down"}, HTTPStatus.SERVICE_UNAVAILABLE)

    for name, probe in (("live", live), ("ready", ready)):
        routes.add_api_route(
            f"/health/{name}",
            probe,
            methods=["GET"],
            operation_id=f"health-{name}",
            tags=["Health"],
            response_model=HealthStatus,
            responses={503: {"model": HealthStatus}} if probe is ready else None,
        )
