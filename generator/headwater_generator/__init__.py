"""From a spec to files: typed events, commands and subscriptions that `headwater` executes.

Read in order:

    configuration   where the specs are and where the output goes
    load            YAML to nodes that know their line and column
    grammar         what may stand in a spec, and the tree it is read into
    check           rules over the tree; `load_specs` is the way in
    evolution       what versions of an event look like, and what leads from one to the next
    model           every name, type and order settled: what templates see
    outputs         what is generated, one small module a kind
    publish         writing or verifying the files
    generation      all of that in one function, `generate`
    packaging       wheel and sdist of what others install
    compatibility   what a change means to those who read events and send commands

Importing this package costs nothing: each step imports what it needs when it runs.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .generation import Report, generate

__all__ = ["Report", "generate"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import generation

        return getattr(generation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
