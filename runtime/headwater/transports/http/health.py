"""Whether the service is up, for whoever starts and watches it."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

__all__ = ["PROBES", "HealthStatus", "add_health"]

PROBES = ("/health/live", "/health/ready")


class HealthStatus(BaseModel):
    """Whether the service is up. Tells little else: anybody may ask."""

    status: Literal["up", "down"]
    cautions: list[str] = []
    """Why what is acknowledged is less safe than it seems, as the database is set up."""


def add_health(
    routes: APIRouter,
    is_ready: Callable[[], Awaitable[bool]],
    cautions: Callable[[], Sequence[str]],
) -> None:
    """Add `/health/live` and `/health/ready`, which tells of cautions where there are some."""

    async def live() -> Response:
        """Whether the process answers at all."""
        return JSONResponse({"status": "up"})

    async def ready() -> Response:
        """Whether the service takes commands and reaches its store."""
        if await is_ready():
            found = list(cautions())
            return JSONResponse({"status": "up"} | ({"cautions": found} if found else {}))
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
