"""For tests of services: scenarios for single handlers, and a whole app whose time stands still.

`Scenario` is given what happened before, is told what happens, and says what came of it.
`MemoryApp` is an `App` for everything that takes more than one handler. As a pytest plugin the
package has fixtures for both; it loads nothing until one of them is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import MemoryApp
    from .clock import VirtualClock
    from .decision import Decision
    from .handling import Attempt, Handling
    from .scenario import Scenario

_HOMES = {
    "Attempt": "handling",
    "Decision": "decision",
    "Handling": "handling",
    "MemoryApp": "app",
    "Scenario": "scenario",
    "VirtualClock": "clock",
}

__all__ = ["Attempt", "Decision", "Handling", "MemoryApp", "Scenario", "VirtualClock"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
