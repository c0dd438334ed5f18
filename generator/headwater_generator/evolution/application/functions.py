"""The op `custom`: a function of the team's own."""

from __future__ import annotations

from ...grammar.ops import Custom
from .. import steps
from ..effects import Effect, Note
from .states import ObjectState
from .wording import told

__all__ = ["UNPROVEN", "custom"]

UNPROVEN = "what the functions make of them"
"""What is noted of custom functions: tests prove them, not shapes."""


def custom(op: Custom, state: ObjectState, _: str) -> Effect:
    """Let functions make what they will of all fields: nothing is known of it."""
    functions = op.functions
    state.is_opaque = True
    state.touched.update(state.fields)
    unknown = (Note(state.path or "all fields", UNPROVEN),)
    return Effect(
        op=told(op),
        up=(steps.Call(functions.up),),
        down=(steps.Call(functions.down),) if functions.down else None,
        up_losses=unknown,
        down_losses=unknown,
        up_refusals=unknown,
        down_refusals=unknown,
    )
