"""From the ops between two versions to one expression for each field: what the generated code says.

The ops are carried out on expressions instead of values. What was renamed twice, nested and
hoisted again, or added and dropped, leaves no trace: an expression says what becomes of the
source's fields, and the way there is gone. That the ops fit is not asked here: `check` has seen to
it.

    hops ──> walk ──> values, tables ──> nodes
"""

from . import nodes
from .hops import fuse
from .walk import Hop

__all__ = ["Hop", "fuse", "nodes"]
