"""What each event's own files are made from, as a hash: where it is equal, so are the files.

An event's own files are its schemas and its part of the lock. They follow from what the spec says
of the event, from all of its types, and from the functions that its ops call.
"""

from __future__ import annotations

import hashlib
import json

from ..grammar import Spec
from ..load import Mapping, Node, Scalar, Sequence

__all__ = ["origins_of"]


def origins_of(spec: Spec) -> dict[str, str]:
    """Return the origin of each event's own files, by event."""
    upcasts = sorted(spec.upcasts.digests.items()) if spec.upcasts else []
    shared = [json.dumps([spec.service, spec.path, upcasts])]
    for name, declaration in spec.types.items():
        shared.append(name)
        _collect(declaration.node, shared)
    common = hashlib.sha256("\0".join(shared).encode())
    found: dict[str, str] = {}
    for name, workflow in spec.workflows.items():
        home = [name, workflow.stream]
        for event, declared in workflow.events.items():
            own = [*home, event]
            _collect(declared.node, own)
            origin = common.copy()
            origin.update("\0".join(own).encode())
            found[event] = origin.hexdigest()
    return found


def _collect(node: Node, into: list[str]) -> None:
    """Add what tells a node from all others, wherever it stands. No text holds a NUL."""
    match node:
        case Scalar(text=text, plain=plain):
            into.append(f"{'=' if plain else ':'}{text}")
        case Mapping(entries=entries):
            into.append("{")
            for entry in entries:
                _collect(entry.key, into)
                _collect(entry.value, into)
            into.append("}")
        case Sequence(items=items):
            into.append("[")
            for item in items:
                _collect(item, into)
            into.append("]")
        case _:
            into.append("!")
