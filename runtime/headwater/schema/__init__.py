"""Facts that the runtime and the generator share, as plain data. Imports nothing."""

from .format import FORMAT
from .names import RESERVED_FIELD_NAMES
from .wire import DECIMAL_PATTERN

__all__ = ["DECIMAL_PATTERN", "FORMAT", "RESERVED_FIELD_NAMES"]
