"""Whether the service is up, for whoever starts and watches it."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

__all__ = ["PROBES", "HealthStatus", "add_health"]

PROBES = ("/health/live", "/health/ready")


class HealthStatus(BaseModel):
    """Whether the service is up. Tells nothing else: anybody may ask."""

    status: Literal["up", "down"]


def add_health(routes: APIRouter, is_ready: Callable[[], Awaitable[bool]]) -> None:
    """Add `/health/live` and `/health/ready`."""

    async def live() -> Response:
        """Whether the process answers at all."""
        return JSONResponse({"status": "up"})

    async def ready() -> Response:
        """Whether the service takes commands and reaches its store."""
        if await is_ready():
            return JSONResponse({"status": "up"})
        return JSONResponse({"status": "down"}, HTTPStatus.SERVICE_UNAVAILABLE)

    for path, probe in zip(PROBES, (live, ready), strict=True):
        routes.add_api_route(
            path,
            probe,
            methods=["GET"],
            operation_id=f"health-{probe.__name__}",
            tags=["Health"],
            response_model=HealthStatus,
            responses={503: {"model": HealthStatus}} if probe is ready else None,
        )
