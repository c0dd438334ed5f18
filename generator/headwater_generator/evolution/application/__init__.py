"""Ops applied to shapes: what a version becomes by them, and whether that is the next version.

Each field is known by two shapes: what its value is that came up, and what it may be to go down
again. Ops change both. In the end the first must fit into the newer version, field by field, and
what the newer version may be must fit into the second, or there is no way down.

    hop ──> ops ──> fields, scalars, texts, objects, lists, derived, functions
     └────> arrival                └────> states, wording, pairs
"""

from .functions import UNPROVEN
from .hop import apply
from .states import Tell

__all__ = ["UNPROVEN", "Tell", "apply"]
