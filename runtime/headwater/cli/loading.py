"""Import the module that says what to run."""

import sys
import traceback
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from headwater.errors import ConfigurationError
from headwater.events import Event
from headwater.service import Service
from headwater.subscriptions.definition import Subscription

__all__ = [
    "Runnable",
    "did_you_mean",
    "find_subscription",
    "load_generated",
    "load_module",
    "load_service",
]


@dataclass(frozen=True, slots=True)
class Runnable:
    """What a module offers to be run."""

    module: str
    service: Service[Any]
    handlers: Any
    lifespan: Callable[[Any], AbstractAsyncContextManager[Any]] | None


def load_module(name: str) -> Runnable:
    """Import the module as if Python had been started in the current folder.

    Raises:
        ConfigurationError: There is no such module, it cannot be imported, or offers no service.
    """
    return _runnable(name, _module(name))


def load_service(name: str) -> Service[Any]:
    """The service of a module, imported as by `load_module`; it needs no handlers.

    Raises:
        ConfigurationError: There is no such module, it cannot be imported, or offers no service.
    """
    service = getattr(_module(name), "service", None)
    if problem := _service_problem(name, service):
        raise ConfigurationError(problem)
    return cast("Service[Any]", service)


def load_generated(name: str) -> Service[Any]:
    """The service of a module that has `service`, or of a generated package.

    Raises:
        ConfigurationError: There is no such module, it cannot be imported, or offers no service.
    """
    module = _module(name)
    service = getattr(module, "service", None)
    if not isinstance(service, Service):
        exported = [getattr(module, one, None) for one in getattr(module, "__all__", ())]
        service = next((one for one in exported if isinstance(one, Service)), service)
    if problem := _service_problem(name, service):
        raise ConfigurationError(problem)
    return cast("Service[Any]", service)


def find_subscription(service: Service[Any], name: str) -> Subscription[Event]:
    """The service's subscription of that name.

    Raises:
        ConfigurationError: It has none.
    """
    known = {one.name: one for one in service.subscriptions}
    if name not in known:
        raise ConfigurationError(
            f"{service.name} has no subscription {name!r}; {did_you_mean(name, known)}"
        )
    return known[name]


def did_you_mean(name: str, known: Collection[str]) -> str:
    """The nearest of the known names, or all of them."""
    if near := get_close_matches(name, known, n=1):
        return f"did you mean {near[0]!r}?"
    return f"there are: {', '.join(sorted(known))}" if known else "there is none"


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    if not all(part.isidentifier() for part in name.split(".")):
        dotted = name.removesuffix(".py").strip("/").replace("/", ".")
        raise ConfigurationError(
            f"{name!r} is not a module's name; they look like {_likely(dotted)!r}"
        )
    return _import(name)


def _likely(dotted: str) -> str:
    is_name = all(part.isidentifier() for part in dotted.split("."))
    return dotted if is_name else "services.user_service"


def _import(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise ConfigurationError(
                f"there is no module {missing!r} in {Path.cwd()} or on Python's path"
            ) from error
        raise _broken(name, error) from error
    except Exception as error:
        raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> ConfigurationError:
    """What its author needs to find the mistake: the error, and the last place of their code."""
    if isinstance(error, SyntaxError):
        return ConfigurationError(
            f"{name} cannot be imported: {error.msg} ({error.filename}:{error.lineno})"
        )
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and frame.filename != __file__
    ]
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return ConfigurationError(f"{name} cannot be imported: {type(error).__name__}: {error}{place}")


def _runnable(name: str, module: ModuleType) -> Runnable:
    problems = []
    service = getattr(module, "service", None)
    if problem := _service_problem(name, service):
        problems.append(problem)
    handlers = getattr(module, "handlers", None)
    if handlers is None:
        problems.append(f"{name} has no `handlers`: add `from . import handlers`")
    lifespan = getattr(module, "lifespan", None)
    if lifespan is not None and not callable(lifespan):
        problems.append(
            f"`lifespan` in {name} is {_what(lifespan)}; it should be a function that takes the "
            "app and gives an async context manager"
        )
    if problems or not isinstance(service, Service):
        raise ConfigurationError(*problems)
    return Runnable(name, service, handlers, lifespan)


def _service_problem(name: str, service: object) -> str | None:
    if service is None:
        return (
            f"{name} has no `service`: add, for one, "
            "`from generated.user_service import user_service as service`"
        )
    if not isinstance(service, Service):
        return f"`service` in {name} is {_what(service)}; it should be a Service"
    return None


def _what(value: object) -> str:
    return "a module" if isinstance(value, ModuleType) else f"a {type(value).__name__}"
