"""A service as an application of its own, as `headwater run` serves it."""

from collections.abc import Collection

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from ..pages import CONTENT_SECURITY_POLICY, reference
from ..tokens import Tokens
from .commands import Executor
from .guard import Guard
from .openapi import complete_description
from .paths import path_of
from .refusals import fail, refuse
from .requests import DEFAULT_LIMITS, Limits
from .routes import router

__all__ = ["application"]

NO_TOKENS = Tokens()


def application(
    app: Executor,
    *,
    limits: Limits = DEFAULT_LIMITS,
    allowed_hosts: Collection[str] = (),
    by_address: bool = False,
    tokens: Tokens = NO_TOKENS,
) -> FastAPI:
    """What `headwater run` serves: the router, `/openapi.json`, and `/docs` to read it.

    Requests must be for this machine's own name or one of `allowed_hosts` (with `by_address` also
    for any address), and those that a browser sends on behalf of a page must come from there too:
    otherwise any page could talk to a service on its reader's machine. With `tokens`, everything
    but the health probes needs one of them.
    """
    service = app.service
    api = FastAPI(
        title=service.name,
        description=service.description or "",
        version="1",
        docs_url=None,
        redoc_url=None,
        middleware=[],
    )
    api.include_router(router(app, limits=limits))

    async def docs(request: Request) -> Response:
        # The host is one that we answer for; others were turned away before.
        base = str(request.base_url).rstrip("/")
        return HTMLResponse(
            reference(service, {one.name: base + path_of(one) for one in service.commands}),
            headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
        )

    complete_description(api, needs_token=bool(tokens))
    api.add_api_route("/docs", docs, include_in_schema=False)
    api.add_exception_handler(StarletteHTTPException, refuse)
    api.add_exception_handler(Exception, fail)
    api.add_middleware(
        Guard,
        limits=limits,
        hosts={host.lower() for host in allowed_hosts},
        by_address=by_address,
        tokens=tokens,
    )
    return api
