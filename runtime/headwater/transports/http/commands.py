"""One command over HTTP: a request in, a response out, and a line in the log."""

import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.routing import APIRoute
from headwater.commands.definition import CommandDefinition
from headwater.commands.execution import Outcome
from headwater.events import Command, Data
from headwater.service import Service
from pydantic import create_model
from starlette.requests import ClientDisconnect

from ..problems import Problem, problem_of
from .headers import REQUEST_ID, WORKFLOW_ID, request_id_of
from .health import BrokerHealth
from .openapi import signature_of
from .refusals import problem_response
from .requests import Limits, deadline_of, idempotency_key_of, read_command

__all__ = ["CommandEndpoint", "CommandRoute", "Executor"]

R = TypeVar("R")

CLIENT_CLOSED_REQUEST = 499  # nobody is there to read it; for the log

_log = logging.getLogger("headwater.http")


class Executor(Protocol):
    """What executes the commands: an `App`."""

    @property
    def service(self) -> Service[Any]:
        """Whose commands are served."""

    @property
    def cautions(self) -> Sequence[str]:
        """Why what is acknowledged is less safe than it seems."""

    @property
    def interrupted(self) -> Sequence[str]:
        """The subscriptions whose handler is given nothing for a while, for it always failed."""

    async def is_ready(self) -> bool:
        """Whether commands are taken now, and the store is reached."""

    async def held(self, *, deadline: float) -> Mapping[str, int]:
        """How many events wait for a release that knows them, by subscription."""

    async def broker_status(self, *, deadline: float) -> BrokerHealth | None:
        """How it stands with the broker, if one is configured."""

    async def submit(
        self,
        command: Command[R],
        *,
        deadline: float,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Outcome[R]:
        """Execute the command within `deadline` seconds; once, if it has a key."""


class CommandEndpoint:
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
        self.__signature__ = signature_of(definition)

    async def __call__(self) -> Response:
        """For FastAPI to describe; it is not what answers."""
        raise NotImplementedError("the route calls `respond`")

    async def respond(self, request: Request) -> Response:
        """The answer to one request; never raises for what a client or a handler does."""
        request_id = request_id_of(request.scope)
        started = time.perf_counter()
        problem: str | None = None
        workflow_id: str | None = None
        try:
            key = idempotency_key_of(request)
            command = await read_command(request, self._definition.command, self._limits)
            outcome = await self._app.submit(
                command,
                deadline=deadline_of(request, self._limits, started),
                request_id=request_id,
                idempotency_key=key,
            )
            workflow_id = outcome.workflow_id
            response = Response(
                self.result_model.model_validate({"result": outcome.result}).model_dump_json(),
                media_type="application/json",
                headers={REQUEST_ID: request_id, WORKFLOW_ID: quote(workflow_id)},
            )
        except Problem as refusal:
            problem = refusal.kind.name
            response = problem_response(refusal, request_id)
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
            response = problem_response(told, request_id)
        _log.info(
            "command answered",
            extra={
                "command": self._definition.name,
                "status": int(response.status_code),
                **({} if problem is None else {"problem": problem}),
                **({} if workflow_id is None else {"workflow_id": workflow_id}),
                "milliseconds": round((time.perf_counter() - started) * 1000, 1),
                "request_id": request_id,
            },
        )
        return response


class CommandRoute(APIRoute):
    """Describes its command to OpenAPI as FastAPI does, and leaves the request to the endpoint."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand the request to the endpoint, unread."""
        return cast("CommandEndpoint", self.endpoint).respond
