"""How a command is described: what FastAPI reads from its route, and what it cannot."""

from collections.abc import Mapping
from http import HTTPStatus
from inspect import Parameter, Signature, getdoc
from typing import Annotated, Any

from fastapi import Body, FastAPI, Header
from headwater import errors
from headwater.commands.definition import CommandDefinition, CommandKind

from ..problems import (
    INVALID_COMMAND,
    MALFORMED_JSON,
    MEDIA_TYPE,
    SCHEMA,
    Kind,
    kind_of,
    status_kind,
)
from .headers import REQUEST_ID, WORKFLOW_ID
from .health import PROBES
from .paths import kebab
from .requests import KEY, SECONDS

__all__ = ["complete_description", "description_of", "signature_of"]

_HEADER_SCHEMA = {"schema": {"type": "string"}}
_REQUEST_ID_HEADER = Annotated[
    str,
    Header(description="To find the request by, in logs and events; made up where there is none."),
]
_IDEMPOTENCY_KEY_HEADER = Annotated[
    str,
    Header(
        json_schema_extra={"pattern": KEY},
        description="The command is executed once under a key; one that comes again is told what "
        "the first was. A UUID, for one.",
    ),
]
_TIMEOUT_HEADER = Annotated[
    str,
    Header(
        json_schema_extra={"pattern": SECONDS},
        description="Seconds that the caller will wait; the server's own at most.",
    ),
]
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
    kind_of(errors.IdempotencyConflictError),
    kind_of(errors.HandlerFailedError),
    kind_of(errors.OutcomeUnknownError),
    kind_of(errors.NotRunningError),
    kind_of(errors.DeadlineExceededError),
)


def description_of(definition: CommandDefinition) -> dict[str, Any]:
    """What `add_api_route` is told of the command, but for its result."""
    return {
        "name": definition.name,
        "summary": definition.name,
        "description": getdoc(definition.command) or "",
        "operation_id": kebab(definition.name),
        "tags": [_tag(definition)],
        "response_description": "The command took effect.",
        "responses": _responses(definition),
    }


def signature_of(definition: CommandDefinition) -> Signature:
    """The parameters of the command's endpoint, as FastAPI reads them into the description."""
    parameters = (
        ("command", Annotated[definition.command, Body()], Parameter.empty),
        ("x_request_id", _REQUEST_ID_HEADER, None),
        ("x_timeout", _TIMEOUT_HEADER, None),
        ("idempotency_key", _IDEMPOTENCY_KEY_HEADER, None),
    )
    return Signature(
        [
            Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, annotation, default in parameters
        ]
    )


def complete_description(api: FastAPI, *, needs_token: bool) -> None:
    """Describe a problem once, where each response would have the whole of it; and the token."""
    describe = api.openapi

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            document = describe()
            _share_problem_schema(document)
            if needs_token:
                _add_token(document)
        return describe()

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


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


def _share_problem_schema(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                content = response.get("content", {})
                if MEDIA_TYPE in content:
                    content[MEDIA_TYPE] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = dict(SCHEMA)


def _add_token(document: dict[str, Any]) -> None:
    scheme = {"type": "http", "scheme": "bearer", "description": "One that `headwater token` made."}
    document["components"]["securitySchemes"] = {"token": scheme}
    for path, operations in document["paths"].items():
        if path not in PROBES:
            for operation in operations.values():
                operation["security"] = [{"token": []}]
                operation["responses"]["401"] = {
                    "description": "There is no token that holds.",
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                    "headers": {REQUEST_ID: _HEADER_SCHEMA, "WWW-Authenticate": _HEADER_SCHEMA},
                }


def _tag(definition: CommandDefinition) -> str:
    if definition.workflow is not None:
        return definition.workflow.workflow_name
    return definition.writer.stream_name if definition.writer is not None else "Commands"
