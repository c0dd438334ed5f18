"""How a refusal looks over HTTP: problem details (RFC 9457), a status for every error.

A problem says what was wrong and never repeats what was sent: not a field's value, not a handler's
exception. What the service's own people need is in its log, under the same request id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from headwater import errors
from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

__all__ = [
    "INVALID_COMMAND",
    "MALFORMED_JSON",
    "MEDIA_TYPE",
    "STATUSES",
    "FieldProblem",
    "Kind",
    "Problem",
    "invalid_command",
    "kind_of",
    "problem_of",
    "status_kind",
]

MEDIA_TYPE = "application/problem+json"
NAMESPACE = "urn:headwater:problem:"
MOST_FIELD_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: the same `type`, `title` and status whenever it occurs."""

    status: HTTPStatus
    name: str
    title: str

    @property
    def type(self) -> str:
        """What programs compare."""
        return NAMESPACE + self.name


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one part of a command."""

    path: str
    """JSON Pointer into the body: `/email`, `/addresses/0/country`; empty: the body itself."""
    message: str


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818  (RFC 9457's word)
    """One refusal, as it goes to the client."""

    kind: Kind
    detail: str
    errors: tuple[FieldProblem, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def body(self, request_id: str) -> dict[str, Any]:
        """The members of the problem document."""
        return {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": int(self.kind.status),
            "detail": self.detail,
            "request_id": request_id,
            "errors": [{"path": one.path, "message": one.message} for one in self.errors],
        }


SCHEMA: Mapping[str, Any] = {
    "title": "Problem",
    "description": "Why the request was refused (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "What programs compare."},
        "title": {"type": "string", "description": "The kind of problem; the same for a type."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What was wrong this time."},
        "request_id": {"type": "string", "description": "To find the request in the logs by."},
        "errors": {
            "type": "array",
            "description": "What is wrong with which part of the body.",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {
                    "path": {"type": "string", "description": "JSON Pointer into the body."},
                    "message": {"type": "string"},
                },
            },
        },
    },
}

MALFORMED_JSON = Kind(HTTPStatus.BAD_REQUEST, "malformed-json", "The body is not JSON")
INVALID_COMMAND = Kind(
    HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-command", "The body is not this command"
)
_BROKEN = Kind(
    HTTPStatus.INTERNAL_SERVER_ERROR, "service-failed", "The service failed; nothing was written"
)
_UNEXPECTED = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "The service failed")

# The one place that gives an error its status. A subclass without a row of its own has its base's.
STATUSES: Mapping[type[errors.HeadwaterError], Kind] = {
    errors.HeadwaterError: _UNEXPECTED,
    errors.ConfigurationError: _UNEXPECTED,
    errors.SchemaMismatchError: _UNEXPECTED,
    errors.SchemaChangedError: _UNEXPECTED,
    errors.CopyUnfinishedError: _UNEXPECTED,
    errors.CopyRefusedError: Kind(
        HTTPStatus.CONFLICT, "copy-refused", "The database cannot be copied as it is"
    ),
    errors.CopyFailedError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "copy-failed", "The copy is not finished"
    ),
    errors.CursorMismatchError: _UNEXPECTED,
    errors.RejectedError: _BROKEN,
    errors.CommandRejectedError: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "command-rejected", "The service refused the command"
    ),
    errors.UnknownCommandError: Kind(
        HTTPStatus.NOT_FOUND, "unknown-command", "There is no such command"
    ),
    errors.WorkflowExistsError: Kind(
        HTTPStatus.CONFLICT, "workflow-exists", "There is a workflow with this id already"
    ),
    errors.WorkflowNotFoundError: Kind(
        HTTPStatus.NOT_FOUND, "workflow-not-found", "There is no workflow with this id"
    ),
    errors.WorkflowEndedError: Kind(
        HTTPStatus.CONFLICT, "workflow-ended", "The workflow has ended"
    ),
    errors.VersionConflictError: Kind(
        HTTPStatus.CONFLICT, "version-conflict", "The workflow went on meanwhile"
    ),
    errors.EventNotAllowedError: _BROKEN,
    errors.HandlerFailedError: _BROKEN,
    errors.DeadlineExceededError: Kind(
        HTTPStatus.GATEWAY_TIMEOUT, "deadline-exceeded", "The time was up; nothing was written"
    ),
    errors.NotRunningError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "not-running", "The service takes no commands now"
    ),
    errors.DeliveryLostError: _BROKEN,
    errors.IdempotencyConflictError: Kind(
        HTTPStatus.CONFLICT, "idempotency-conflict", "The idempotency key was used otherwise"
    ),
    errors.LeaseLostError: Kind(
        HTTPStatus.CONFLICT, "lease-lost", "Somebody else does this work now"
    ),
    errors.StoreUnavailableError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable", "The store cannot write now"
    ),
    errors.ConnectionUnavailableError: _BROKEN,
    errors.TransactionBudgetError: _BROKEN,
    errors.TransactionRequiredError: _BROKEN,
    errors.EventsWouldBeLostError: Kind(
        HTTPStatus.CONFLICT, "events-would-be-lost", "Events would be lost"
    ),
    errors.MigrationLockedError: _UNEXPECTED,
    errors.CommandInTransactionError: _BROKEN,
    errors.OutcomeUnknownError: Kind(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "outcome-unknown",
        "Whether the command took effect is unknown",
    ),
    errors.UnknownSubscriptionError: Kind(
        HTTPStatus.NOT_FOUND, "unknown-subscription", "There is no such subscription"
    ),
    errors.SubscriptionInUseError: Kind(
        HTTPStatus.CONFLICT, "subscription-in-use", "The subscription is being read"
    ),
    errors.UnknownStreamError: Kind(
        HTTPStatus.NOT_FOUND, "unknown-stream", "There is no such stream"
    ),
    errors.EventNotFoundError: Kind(HTTPStatus.NOT_FOUND, "event-not-found", "No such event"),
    errors.StreamTruncatedError: Kind(
        HTTPStatus.GONE, "stream-truncated", "The events are not kept any more"
    ),
    errors.ReplayUnavailableError: Kind(
        HTTPStatus.CONFLICT, "replay-unavailable", "The stream cannot be replayed"
    ),
    errors.ProtobufError: Kind(
        HTTPStatus.BAD_REQUEST, "message-mismatch", "The message is not one of the proto"
    ),
    errors.MalformedMessageError: Kind(
        HTTPStatus.BAD_REQUEST, "malformed-message", "The message is no event"
    ),
    errors.BrokerUnavailableError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "broker-unavailable", "The broker is not available"
    ),
    errors.UnreadableEventError: _UNEXPECTED,
    errors.UnknownEventError: _UNEXPECTED,
    errors.UpcastError: _UNEXPECTED,
    errors.HistoryUnavailableError: _UNEXPECTED,
}

# RFC 9110's; Python before 3.13 has older ones, and a kind's name is not to change with Python.
_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}


def kind_of(error: type[BaseException]) -> Kind:
    """The kind of problem that an error of this class is to a client."""
    for base in error.__mro__:
        if base in STATUSES:
            return STATUSES[base]
    return _UNEXPECTED


def problem_of(error: Exception) -> Problem:
    """What a client is told of the error.

    An error that is the client's to mend, or nobody's, is told in its own words; one of the
    service's code only that it happened.
    """
    kind = kind_of(type(error))
    if not isinstance(error, errors.HeadwaterError) or error.fault is errors.Fault.SERVICE:
        return Problem(kind, "The service's log has the reason under this request id.")
    headers = (("Retry-After", "1"),) if kind.status is HTTPStatus.SERVICE_UNAVAILABLE else ()
    if isinstance(error, errors.CommandRejectedError):
        path = "" if error.field is None else _pointer([error.field])
        return Problem(kind, error.reason, (FieldProblem(path, error.reason),))
    return Problem(kind, f"{_sentence(str(error))} {error.advice}", headers=headers)


def status_kind(status: HTTPStatus) -> Kind:
    """The kind for a refusal that HTTP itself has a word for."""
    title = _PHRASES.get(int(status), status.phrase)
    return Kind(status, title.lower().replace(" ", "-"), title)


def invalid_command(error: ValidationError, body: bytes) -> Problem:
    """What is wrong with a body that did not become a command. Repeats no value of it."""
    details = error.errors(include_url=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        return Problem(MALFORMED_JSON, _sentence(details[0]["msg"]))
    data = from_json(body)
    shown = tuple(
        FieldProblem(_pointer(_place(one["loc"], data)), _message(one))
        for one in details[:MOST_FIELD_PROBLEMS]
    )
    count = len(details)
    detail = f"{count} {'part' if count == 1 else 'parts'} of the body must change."
    if count > len(shown):
        detail += f" The first {len(shown)} are listed."
    return Problem(INVALID_COMMAND, detail, shown)


def _message(detail: ErrorDetails) -> str:
    """Pydantic's message, without what may quote the value that was sent."""
    kind, message = detail["type"], detail["msg"]
    if kind == "union_tag_invalid":
        tag, expected = detail["ctx"]["discriminator"].strip("'"), detail["ctx"]["expected_tags"]
        return f"{tag} should be one of {expected}"
    if kind.endswith("_parsing"):
        return message.partition(",")[0]
    if kind == "bytes_invalid_encoding":
        return message.partition(":")[0]
    if message.startswith(_NO_EMAIL_ADDRESS):
        return _NO_EMAIL_ADDRESS
    return message.removeprefix("Value error, ")


_NO_EMAIL_ADDRESS = "value is not a valid email address"


def _place(location: Sequence[int | str], data: Any) -> list[int | str]:
    """Where in the body: pydantic's location without the steps that are only in the schema."""
    place: list[int | str] = []
    for number, step in enumerate(location, start=1):
        is_key = isinstance(data, dict) and step in data
        if is_key or (isinstance(data, list) and isinstance(step, int) and step < len(data)):
            data = data[step]
        elif number < len(location) or step == "[key]":
            continue  # the name of a union's member, or of a function
        elif not isinstance(data, dict):
            continue
        place.append(step)
    return place


def _pointer(place: Sequence[int | str]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
