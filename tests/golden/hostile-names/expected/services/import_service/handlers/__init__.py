"""The handlers of import-service, one a file. Yours to edit."""

from .command import command
from .import_ import import_
from .in_ import in_
from .raise_ import raise_
from .validate_yield import validate_yield
from .yield_ import yield_

__all__ = [
    "command",
    "import_",
    "in_",
    "raise_",
    "validate_yield",
    "yield_",
]
