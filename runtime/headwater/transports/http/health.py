"""Whether the service is up, for whoever starts and watches it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from headwater.errors import HeadwaterError
from pydantic import BaseModel

__all__ = ["PROBES", "HealthStatus", "add_health"]

PROBES = ("/health/live", "/health/ready")


class HealthStatus(BaseModel):
    """Whether the service is up. Tells little else: anybody may ask."""

    status: Literal["up", "down"]
    cautions: list[str] = []
    """Why what is acknowledged is less safe than it seems, as the database is set up."""
    held: dict[str, int] = {}
    """How many events wait for a release that knows them, by subscription; only where some do."""


def add_health(
    routes: APIRouter,
    is_ready: Callable[[], Awaitable[bool]],
    cautions: Callable[[], Sequence[str]],
    held: Callable[[], Awaitable[Mapping[str, int]]],
) -> None:
    """Add `/health/live` and `/health/ready`, which tells of cautions and held events, if any."""

    async def live() -> Response:
        """Whether the process answers at all."""
        return JSONResponse({"status": "up"})

    async def ready() -> Response:
        """Whether the service takes commands and reaches its store."""
        down = JSONResponse({"status": "down"}, HTTPStatus.SERVICE_UNAVAILABLE)
        if not await is_ready():
            return down
        try:
            waiting = await held()
        except HeadwaterError:  # the store was lost in between
            return down
        details = {"cautions": list(cautions()), "held": dict(waiting)}
        told = {name: detail for name, detail in details.items() if detail}
        return JSONResponse({"status": "up", **told})

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
