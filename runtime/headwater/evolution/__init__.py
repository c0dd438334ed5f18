"""From a recorded event to the class, and the version, that a handler knows.

Read in order:

    steps      what generated upcasts call where a value may refuse to be changed
    schemas    what they are, as JSON Schema
    registry   the versions of a service's events, and the way from one to another
"""

from .registry import Registry
from .schemas import Schemas
from .steps import (
    Computation,
    Conversion,
    EnumMap,
    Envelope,
    Fields,
    FirstItem,
    Function,
    Upcast,
    Upcasting,
    joined,
    parted,
    text,
)

__all__ = [
    "Computation",
    "Conversion",
    "EnumMap",
    "Envelope",
    "Fields",
    "FirstItem",
    "Function",
    "Registry",
    "Schemas",
    "Upcast",
    "Upcasting",
    "joined",
    "parted",
    "text",
]
