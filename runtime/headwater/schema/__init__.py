"""Facts that the runtime and the generator share, as plain data. Imports nothing."""

from .format import FORMAT
from .names import RESERVED_FIELD_NAMES

__all__ = ["FORMAT", "RESERVED_FIELD_NAMES"]
