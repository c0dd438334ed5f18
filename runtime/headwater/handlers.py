"""Find the functions that a service needs, and say at once which are missing or do not fit."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from .errors import ConfigurationError
from .service import Service

__all__ = ["required_functions", "resolve_functions"]

Function = Any  # any async callable; its parameters differ from command to command


def required_functions(service: Service[Any]) -> dict[str, tuple[str, ...]]:
    """The functions that the service needs: name and parameters."""
    functions: dict[str, tuple[str, ...]] = {}
    for command in service.commands:
        writer = "stream" if command.workflow is None else "workflow"
        functions[command.handler] = ("command", writer, "context")
        if command.validator is not None:
            functions[command.validator] = ("command", "context")
    for subscription in service.subscriptions:
        if subscription.handler is not None:
            subject = "event" if subscription.batch is None else "events"
            functions[subscription.handler] = (subject, "context")
    return functions


def resolve_functions(service: Service[Any], handlers: object) -> Mapping[str, Function]:
    """The service's functions, by name.

    Raises:
        ConfigurationError: Some are missing or have another shape; all of them are named.
    """
    required = required_functions(service)
    if problems := list(_problems(required, handlers)):
        raise ConfigurationError(*problems)
    return {name: getattr(handlers, name) for name in required}


def _problems(required: Mapping[str, tuple[str, ...]], handlers: object) -> Iterator[str]:
    where = getattr(handlers, "__name__", type(handlers).__name__)
    for name, parameters in required.items():
        shape = f"async def {name}({', '.join(parameters)})"
        function = getattr(handlers, name, None)
        if handlers is None:
            yield f"no handlers were given, and {shape} is needed"
        elif line := _import_of(handlers, name, function):
            yield f"{where} has no {name}: add {line}"
        elif function is None:
            yield f"{where} has no {name}: write {shape}"
        elif not callable(function):
            yield f"{where}.{name} is not a function but a {type(function).__name__}: write {shape}"
        elif not inspect.iscoroutinefunction(function):
            yield f"{where}.{name} is not async: write {shape}"
        else:
            try:
                inspect.signature(function).bind(*parameters)
            except TypeError as error:
                yield f"{where}.{name} cannot be called as {shape}: {error}"


def _import_of(handlers: object, name: str, function: object) -> str:
    """What to add to a package that has a module for the function but does not import from it."""
    if not (isinstance(handlers, ModuleType) and hasattr(handlers, "__path__")):
        return ""
    if function is not None and not isinstance(function, ModuleType):
        return ""
    if find_spec(f"{handlers.__name__}.{name}") is None:
        return ""
    file = handlers.__file__ or f"{handlers.__name__.replace('.', '/')}/__init__.py"
    below = os.path.relpath(file)
    path = file if below.startswith(os.pardir) else below
    return f'"from .{name} import {name}" to {path}'
