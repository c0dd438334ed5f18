"""The handlers of every-key, one a file. Yours to edit."""

from .change_order import change_order
from .close_order import close_order
from .from_now_on import from_now_on
from .from_the_tenth import from_the_tenth
from .import_orders import import_orders
from .open_ping import open_ping
from .pings_once import pings_once
from .place_order import place_order
from .since_new_year import since_new_year
from .to_the_books import to_the_books
from .to_the_ledger import to_the_ledger
from .validate_place_order import validate_place_order

__all__ = [
    "change_order",
    "close_order",
    "from_now_on",
    "from_the_tenth",
    "import_orders",
    "open_ping",
    "pings_once",
    "place_order",
    "since_new_year",
    "to_the_books",
    "to_the_ledger",
    "validate_place_order",
]
