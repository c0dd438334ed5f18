"""The ledger, for `headwater` to find: what cannot be borne is set aside at once."""

from tests.faults.ledger import ledger

__all__ = ["service"]

service = ledger(attempts=1)
