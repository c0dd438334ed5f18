"""Commands over HTTP, on FastAPI.

`POST /api/commands/add-user` takes the command as JSON and answers `{"result": ...}`, or a problem
(see `problems`). The body is read up to its limit, parsed once by the command's own model, and
handed to the app. FastAPI routes and describes; it does not parse.
"""

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from inspect import Parameter, Signature, getdoc
from typing import Annotated, Any, Literal, Protocol, TypeVar, cast
from urllib.parse import quote, urlsplit
from uuid import uuid4

from fastapi import APIRouter, Body, FastAPI, Header, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute
from headwater import errors
from headwater.commands.definition import CommandDefinition, CommandKind
from headwater.commands.execution import Outcome
from headwater.events import Command, Data
from headwater.service import Service
from pydantic import BaseModel, ValidationError, create_model
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .pages import CONTENT_SECURITY_POLICY, reference
from .problems import (
    INVALID_COMMAND,
    MALFORMED_JSON,
    MEDIA_TYPE,
    SCHEMA,
    Kind,
    Problem,
    invalid_command,
    kind_of,
    problem_of,
    status_kind,
)

__all__ = ["Executor", "Limits", "application", "path_of", "router"]

R = TypeVar("R")

REQUEST_ID = "X-Request-Id"
TIMEOUT = "X-Timeout"
WORKFLOW_ID = "X-Workflow-Id"

MEBIBYTE = 1024 * 1024
CLIENT_CLOSED_REQUEST = 499  # nobody is there to read it; for the log

_SAFE_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:+/=@-]{1,128}")
_SECONDS = re.compile(r"\d{1,6}(\.\d{1,6})?")
_JSON = re.compile(r'application/(json|[a-z0-9.+-]+\+json)(;charset="?utf-8"?)?')

_REQUEST_ID_HEADER = Annotated[
    str | None,
    Header(description="To find the request by, in logs and events; made up where there is none."),
]
_TIMEOUT_HEADER = Annotated[
    float | None, Header(description="Seconds that the caller will wait; the server's own at most.")
]

_log = logging.getLogger("headwater.http")


class Executor(Protocol):
    """What executes the commands: an `App`."""

    @property
    def service(self) -> Service[Any]:
        """Whose commands are served."""

    @property
    def is_running(self) -> bool:
        """Whether commands are taken now."""

    async def submit(
        self, command: Command[R], *, deadline: float, request_id: str | None = None
    ) -> Outcome[R]:
        """Execute the command within `deadline` seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a request is taken."""

    max_body: int = MEBIBYTE
    """Bytes."""
    body_timeout: float = 30.0
    """Seconds until the whole body must have come."""
    command_timeout: float = 30.0
    """Seconds a command may take; a request's `X-Timeout` can ask for less."""


class HealthStatus(BaseModel):
    """Whether the service is up. Tells nothing else: anybody may ask."""

    status: Literal["up", "down"]


def router(app: Executor, *, limits: Limits = Limits()) -> APIRouter:
    """Routes for every command of the app's service, and `/health/live` and `/health/ready`.

    Mount it in a FastAPI application of your own with `include_router`; authentication and the
    like are that application's. The routes answer 503 while the app is not running.
    """
    routes = APIRouter()
    for definition in app.service.commands:
        endpoint = _CommandEndpoint(app, definition, limits)
        routes.add_api_route(
            path_of(definition),
            endpoint,
            methods=["POST"],
            name=definition.name,
            summary=definition.name,
            description=_description(definition.command),
            operation_id=_kebab(definition.name),
            tags=[_tag(definition)],
            response_model=endpoint.result_model,
            response_description="The command took effect.",
            responses=_responses(definition),
            route_class_override=_CommandRoute,
        )

    async def live() -> Response:
        """Whether the process answers at all."""
        return JSONResponse({"status": "up"})

    async def ready() -> Response:
        """Whether the service takes commands."""
        if app.is_running:
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
    return routes


def application(
    app: Executor,
    *,
    limits: Limits = Limits(),
    allowed_hosts: Collection[str] = (),
) -> FastAPI:
    """What `headwater run` serves: the router, `/openapi.json`, and `/docs` to read it.

    Requests must be for this machine's own name or one of `allowed_hosts`, and those that a browser
    sends on behalf of a page must come from there too: otherwise any page could talk to a service
    on its reader's machine.
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
    describe = api.openapi

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            _share_problem_schema(describe())
        return describe()

    async def docs() -> Response:
        return HTMLResponse(
            reference(service, {one.name: path_of(one) for one in service.commands}),
            headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
        )

    async def refuse(request: Request, error: Exception) -> Response:
        refusal = cast("StarletteHTTPException", error)
        kind = status_kind(HTTPStatus(refusal.status_code))
        what = f"{request.method} {request.url.path}"
        return _problem_response(
            Problem(kind, f"{what}: {kind.title.lower()}.", headers=_pairs(refusal.headers)),
            _request_id(request.scope),
        )

    async def fail(request: Request, error: Exception) -> Response:
        return _problem_response(problem_of(error), _request_id(request.scope))

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    api.add_api_route("/docs", docs, include_in_schema=False)
    api.add_exception_handler(StarletteHTTPException, refuse)
    api.add_exception_handler(Exception, fail)
    api.add_middleware(_OwnHostOnly, allowed={host.lower() for host in allowed_hosts})
    return api


def path_of(definition: CommandDefinition) -> str:
    """Where the command is sent to: `/api/commands/add-user`."""
    return f"/api/commands/{_kebab(definition.name)}"


class _CommandRoute(APIRoute):
    """Describes its command to OpenAPI as FastAPI does, and leaves the request to the endpoint."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return cast("_CommandEndpoint", self.endpoint).respond


class _CommandEndpoint:
    """One command over HTTP."""

    def __init__(self, app: Executor, definition: CommandDefinition, limits: Limits) -> None:
        self._app = app
        self._definition = definition
        self._limits = limits
        self.result_model = create_model(
            f"{definition.name}Result",
            __base__=Data,
            __doc__=f"What {definition.name} returns.",
            result=(definition.result_type, ...),
        )
        # FastAPI reads from it what to write into the description of the API.
        self.__signature__ = Signature(
            [
                Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
                for name, annotation, default in (
                    ("command", Annotated[definition.command, Body()], Parameter.empty),
                    ("x_request_id", _REQUEST_ID_HEADER, None),
                    ("x_timeout", _TIMEOUT_HEADER, None),
                )
            ]
        )

    async def __call__(self) -> Response:
        raise NotImplementedError("the route calls `respond`")

    async def respond(self, request: Request) -> Response:
        """The answer to one request; never raises for what a client or a handler does."""
        request_id = _request_id(request.scope)
        started = time.perf_counter()
        problem: str | None = None
        workflow_id: str | None = None
        try:
            command = await self._read_command(request)
            outcome = await self._app.submit(
                command, deadline=self._deadline(request, started), request_id=request_id
            )
            workflow_id = outcome.workflow_id
            response = Response(
                self.result_model.model_validate({"result": outcome.result}).model_dump_json(),
                media_type="application/json",
                headers={REQUEST_ID: request_id, WORKFLOW_ID: quote(workflow_id)},
            )
        except Problem as refusal:
            problem = refusal.kind.name
            response = _problem_response(refusal, request_id)
        except ClientDisconnect:
            problem = "client-closed-request"
            response = Response(status_code=CLIENT_CLOSED_REQUEST)
        except Exception as error:  # noqa: BLE001  (every error has its answer, and a log line)
            told = problem_of(error)
            problem = told.kind.name
            if told.kind.status is HTTPStatus.INTERNAL_SERVER_ERROR:
                _log.exception(
                    "command failed",
                    extra={"command": self._definition.name, "request_id": request_id},
                )
            response = _problem_response(told, request_id)
        _log.info(
            "command answered",
            extra={
                "command": self._definition.name,
                "status": response.status_code,
                **({} if problem is None else {"problem": problem}),
                **({} if workflow_id is None else {"workflow_id": workflow_id}),
                "milliseconds": round((time.perf_counter() - started) * 1000, 1),
                "request_id": request_id,
            },
        )
        return response

    async def _read_command(self, request: Request) -> Command[Any]:
        _require_json(request.headers)
        body = await _read_body(request, self._limits)
        try:
            return self._definition.command.model_validate_json(body)
        except ValidationError as error:
            raise invalid_command(error, body) from None

    def _deadline(self, request: Request, started: float) -> float:
        """Seconds that are left for the command."""
        asked = request.headers.get(TIMEOUT)
        allowed = self._limits.command_timeout
        if asked is not None:
            if _SECONDS.fullmatch(asked) is None or float(asked) == 0:
                raise Problem(
                    status_kind(HTTPStatus.BAD_REQUEST),
                    f"{TIMEOUT} takes seconds above 0, such as 2.5.",
                )
            allowed = min(allowed, float(asked))
        return max(round(allowed - (time.perf_counter() - started), 3), 0.0)


def _require_json(headers: Headers) -> None:
    media_type = headers.get("Content-Type", "").lower().replace(" ", "")
    if _JSON.fullmatch(media_type) is None:
        detail = "Send the command with Content-Type: application/json."
    elif headers.get("Content-Encoding", "identity").lower() != "identity":
        detail = "Send the command without Content-Encoding."
    else:
        return
    raise Problem(status_kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE), detail)


async def _read_body(request: Request, limits: Limits) -> bytes:
    """The body, never holding more of it than its limit."""
    too_large = Problem(
        status_kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        f"The body may have {limits.max_body} bytes.",
        headers=_CLOSE,
    )
    announced = request.headers.get("Content-Length", "0")
    if announced.isdecimal() and int(announced) > limits.max_body:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_timeout):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.max_body:
                    raise too_large
    except TimeoutError:
        raise Problem(
            status_kind(HTTPStatus.REQUEST_TIMEOUT),
            f"The body did not come within {limits.body_timeout:g} seconds.",
            headers=_CLOSE,
        ) from None
    return bytes(body)


# What is left of the body is not read, so nothing can follow it on this connection.
_CLOSE = (("Connection", "close"),)


def _problem_response(problem: Problem, request_id: str) -> Response:
    return JSONResponse(
        problem.body(request_id),
        problem.kind.status,
        headers={REQUEST_ID: request_id, **dict(problem.headers)},
        media_type=MEDIA_TYPE,
    )


def _request_id(scope: Scope) -> str:
    """The caller's id for the request where it is one to log and repeat, else a new one."""
    known = scope.get("headwater.request_id")
    if known is None:
        given = Headers(scope=scope).get(REQUEST_ID, "")
        known = given if _SAFE_REQUEST_ID.fullmatch(given) else uuid4().hex
        scope["headwater.request_id"] = known
    return cast("str", known)


def _pairs(headers: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple((headers or {}).items())


class _OwnHostOnly:
    """Lets in what is for this machine's own name, and answers nobody without a request id."""

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)

        async def send_identified(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault(REQUEST_ID, request_id)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send_identified)
        else:
            await _problem_response(refusal, request_id)(scope, receive, send_identified)

    def _refusal(self, headers: Headers) -> Problem | None:
        host = headers.get("Host", "")
        if not self._is_own(f"//{host}"):
            return Problem(
                status_kind(HTTPStatus.MISDIRECTED_REQUEST),
                "This service does not answer for that host name; "
                "HEADWATER_ALLOWED_HOSTS lists more of them.",
                headers=_CLOSE,
            )
        origin = headers.get("Origin")
        if origin is not None and not self._is_own(origin):
            return Problem(
                status_kind(HTTPStatus.FORBIDDEN),
                "Pages of other origins may not use this service.",
                headers=_CLOSE,
            )
        return None

    def _is_own(self, url: str) -> bool:
        try:
            name = urlsplit(url).hostname or ""
        except ValueError:
            return False
        return name == "localhost" or name in self._allowed or is_loopback(name)


def is_loopback(host: str) -> bool:
    """Whether the address reaches this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _responses(definition: CommandDefinition) -> dict[int | str, dict[str, Any]]:
    """Every refusal that a client of the command can meet, by status."""
    kinds = [*_ALWAYS_POSSIBLE, *(kind_of(error) for error in _POSSIBLE[definition.kind])]
    titles: dict[int, list[str]] = {}
    for kind in kinds:
        known = titles.setdefault(int(kind.status), [])
        if kind.title not in known:
            known.append(kind.title)
    refusals: dict[int | str, dict[str, Any]] = {
        status: {
            "description": "; or: ".join(titles[status]) + ".",
            "content": {MEDIA_TYPE: {"schema": SCHEMA}},
            "headers": {REQUEST_ID: _HEADER_SCHEMA},
        }
        for status in sorted(titles)
    }
    return {200: {"headers": {REQUEST_ID: _HEADER_SCHEMA, WORKFLOW_ID: _HEADER_SCHEMA}}, **refusals}


_HEADER_SCHEMA = {"schema": {"type": "string"}}
_POSSIBLE: Mapping[CommandKind, tuple[type[errors.HeadwaterError], ...]] = {
    CommandKind.STARTS: (errors.WorkflowExistsError,),
    CommandKind.CONTINUES: (
        errors.WorkflowNotFoundError,
        errors.WorkflowEndedError,
        errors.VersionConflictError,
    ),
    CommandKind.STARTS_OR_CONTINUES: (errors.WorkflowEndedError, errors.VersionConflictError),
    CommandKind.STREAM: (),
}
_ALWAYS_POSSIBLE: tuple[Kind, ...] = (
    MALFORMED_JSON,
    status_kind(HTTPStatus.REQUEST_TIMEOUT),
    status_kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    status_kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    INVALID_COMMAND,
    kind_of(errors.CommandRejectedError),
    kind_of(errors.HandlerFailedError),
    kind_of(errors.OutcomeUnknownError),
    kind_of(errors.NotRunningError),
    kind_of(errors.DeadlineExceededError),
)


def _share_problem_schema(document: dict[str, Any]) -> None:
    """Describe a problem once, where each response had the whole of it."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                content = response.get("content", {})
                if MEDIA_TYPE in content:
                    content[MEDIA_TYPE] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = dict(SCHEMA)


def _description(command: type[Command[Any]]) -> str:
    return getdoc(command) or ""


def _tag(definition: CommandDefinition) -> str:
    if definition.workflow is not None:
        return definition.workflow.workflow_name
    return definition.writer.stream_name if definition.writer is not None else "Commands"


def _kebab(name: str) -> str:
    """`AddUser` → `add-user`, `SendHTTPRequest` → `send-http-request`."""
    return "-".join(_WORD.findall(name)).lower()


_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")
