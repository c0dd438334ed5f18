"""Logs on stderr: readable on a terminal, one JSON object a line elsewhere.

Everything logged through the standard library or structlog comes out alike, with the fields given
as `extra=` (or as structlog's own keyword arguments) and the id of the workflow that a handler is
working on. What is about a person does not come out: a
field marked `personal` in the spec shows as `***`, inside a logged event or command as well as
where its name is the key of a log line.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO, get_args

import structlog
from headwater.correlation import correlation_id
from headwater.events import Data
from headwater.service import Service
from structlog.typing import EventDict, Processor, WrappedLogger

from .settings import LogFormat, LogLevel

__all__ = ["configure_logging", "is_human", "personal_names"]

HIDDEN = "***"

# Keys that say where a line comes from: readable even where a personal field has the name.
OWN_KEYS = frozenset(
    {"event", "exception", "level", "logger", "message", "timestamp", "workflow_id", "request_id"}
)

# Libraries whose ordinary progress is no news: what they do is logged here in our own words.
QUIET = ("asyncio", "uvicorn", "uvicorn.error")
SILENT = ("aiormq", "aio_pika")
"""Drivers whose failures the runtime tells in its own words, and mends."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure_logging(
    format: LogFormat = LogFormat.AUTO,  # noqa: A002  (as the setting is called)
    level: LogLevel = LogLevel.INFO,
    *,
    personal: Iterable[str] = (),
    output: TextIO | None = None,
) -> None:
    """Send every log line of the process to `output` (stderr), and to nothing else.

    `personal` names the fields to hide where they are keys: see `personal_names`.
    """
    stream = sys.stderr if output is None else output
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        # Before the fields are added: one of them may well be called `event`.
        structlog.processors.EventRenamer("message"),
        structlog.stdlib.ExtraAdder(),
        _add_correlation,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.UnicodeDecoder(),
        _Mask(personal),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(human=is_human(format, stream), colors=stream.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.name)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def is_human(format: LogFormat, output: TextIO | None = None) -> bool:  # noqa: A002
    """Whether log lines of this format are for people."""
    stream = sys.stderr if output is None else output
    return format is LogFormat.HUMAN or (format is LogFormat.AUTO and stream.isatty())


def personal_names(service: Service[Any]) -> frozenset[str]:
    """Every name, in code or on the wire, of a field of the service that is about a person."""
    names: set[str] = set()
    seen: set[type[Data]] = set()
    waiting: list[type[Data]] = [
        *(command.command for command in service.commands),
        *(event for workflow in service.workflows for event in workflow.events),
    ]
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        for name, field in model.model_fields.items():
            if name in model.__personal_fields__:
                names |= {name, field.alias or name}
            waiting.extend(_models_in(field.annotation))
    return frozenset(names)


def _models_in(annotation: Any) -> list[type[Data]]:
    if isinstance(annotation, type) and issubclass(annotation, Data):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _add_correlation(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """The workflow that the line is about, if it does not name one itself."""
    workflow_id = correlation_id.get()
    if workflow_id is not None:
        line.setdefault("workflow_id", workflow_id)
    return line


class _Mask:
    """Hides what is about a person, and spells out events and commands."""

    def __init__(self, personal: Iterable[str]) -> None:
        self._personal = frozenset(personal) - OWN_KEYS

    def __call__(self, logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
        return {
            key: HIDDEN if key in self._personal else self._shown(value)
            for key, value in line.items()
        }

    def _shown(self, value: Any) -> Any:
        if isinstance(value, Data):
            fields = type(value).model_fields
            return {
                fields[name].alias or name: HIDDEN
                if name in value.__personal_fields__
                else self._shown(getattr(value, name))
                for name in fields
            }
        if isinstance(value, Mapping):
            return {
                key: HIDDEN if key in self._personal else self._shown(item)
                for key, item in value.items()
            }
        if isinstance(value, tuple):  # still one afterwards: `exc_info` has to be
            return tuple(self._shown(item) for item in value)
        if isinstance(value, list | set | frozenset):
            return [self._shown(item) for item in value]
        return value


def _renderers(*, human: bool, colors: bool) -> list[Processor]:
    if human:
        return [
            _escape_control_characters,
            # Not the default with rich: it would print the local variables of every frame.
            structlog.dev.ConsoleRenderer(
                colors=colors,
                event_key="message",
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    return [
        structlog.processors.format_exc_info,
        _first_things_first,
        structlog.processors.JSONRenderer(default=str),
    ]


def _first_things_first(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    first = [key for key in ("timestamp", "level", "logger", "message") if key in line]
    return {key: line[key] for key in [*first, *line]}


def _escape_control_characters(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """A line stays a line, whatever was logged."""
    return {
        key: _CONTROL.sub(lambda found: ascii(found[0])[1:-1], value)
        if isinstance(value, str)
        else value
        for key, value in line.items()
    }
