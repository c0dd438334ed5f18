"""From a recorded event to the class, and the version, that a handler knows.

Read in order:

    envelopes  what is recorded beside an event
    steps      what generated upcasts call where a value may refuse to be changed
    schemas    what the versions are, as JSON Schema
    readers    from the bytes of one version to the class of another
    registry   the versions of a service's events, and the ways between them
"""

from .envelopes import Envelope
from .registry import Registry
from .schemas import Schemas
from .steps import (
    Fields,
    Upcast,
    Upcasting,
    WithEnvelope,
    computation,
    conversion,
    custom_function,
    enum_map,
    first_item,
    joined,
    parted,
    text,
)

__all__ = [
    "Envelope",
    "Fields",
    "Registry",
    "Schemas",
    "Upcast",
    "Upcasting",
    "WithEnvelope",
    "computation",
    "conversion",
    "custom_function",
    "enum_map",
    "first_item",
    "joined",
    "parted",
    "text",
]
