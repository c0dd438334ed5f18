"""The commands of a service as routes, with those for its health."""

from fastapi import APIRouter

from .commands import CommandEndpoint, CommandRoute, Executor
from .health import add_health
from .openapi import description_of
from .paths import path_of
from .requests import DEFAULT_LIMITS, Limits

__all__ = ["router"]


def router(app: Executor, *, limits: Limits = DEFAULT_LIMITS) -> APIRouter:
    """Routes for every command of the app's service, and `/health/live` and `/health/ready`.

    Mount it in a FastAPI application of your own with `include_router`; authentication and the
    like are that application's. The routes answer 503 while the app is not running.
    """
    routes = APIRouter()
    for definition in app.service.commands:
        endpoint = CommandEndpoint(app, definition, limits)
        routes.add_api_route(
            path_of(definition),
            endpoint,
            methods=["POST"],
            response_model=endpoint.result_model,
            route_class_override=CommandRoute,
            **description_of(definition),
        )
    add_health(
        routes,
        app.is_ready,
        lambda: app.cautions,
        lambda: app.interrupted,
        lambda: app.held(deadline=2.0),
        lambda: app.broker_status(deadline=2.0),
    )
    return routes
