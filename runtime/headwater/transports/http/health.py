"""Whether the service is up, for whoever starts and watches it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal, Protocol

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from headwater.errors import HeadwaterError
from pydantic import BaseModel

__all__ = ["PROBES", "BrokerHealth", "HealthStatus", "add_health"]

PROBES = ("/health/live", "/health/ready")


class BrokerHealth(Protocol):
    """How it stands with the broker."""

    def summary(self) -> Mapping[str, Any]:
        """What anybody may know, as for JSON."""


class HealthStatus(BaseModel):
    """Whether the service is up. Tells little else: anybody may ask."""

    status: Literal["up", "down"]
    cautions: list[str] = []
    """Why what is acknowledged is less safe than it seems, as the database is set up."""
    interrupted: list[str] = []
    """Subscriptions whose handler has failed for one event after the other: this process gives it
    none for a while."""
    held: dict[str, int] = {}
    """How many events wait for a release that knows them, by subscription; only where some do."""
    broker: dict[str, Any] = {}
    """Whether the broker is there, where one is configured, and by stream what waits to go out and
    whether it comes in here. Commands do not wait for a broker, so without it the service is up."""


def add_health(
    routes: APIRouter,
    is_ready: Callable[[], Awaitable[bool]],
    cautions: Callable[[], Sequence[str]],
    interrupted: Callable[[], Sequence[str]],
    held: Callable[[], Awaitable[Mapping[str, int]]],
    broker: Callable[[], Awaitable[BrokerHealth | None]],
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
            waiting, border = await held(), await broker()
        except HeadwaterError:  # the store was lost in between
            return down
        details = {
            "cautions": list(cautions()),
            "interrupted": list(interrupted()),
            "held": dict(waiting),
            "broker": border and border.summary(),
        }
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
