"""Streams across services: the relay takes them to a broker, the ingest takes them in."""

from .border import Border, BrokerStatus
from .circuit import Circuit, CircuitState
from .ingest import Ingest, IngestState
from .relay import Relay, RelayState

__all__ = [
    "Border",
    "BrokerStatus",
    "Circuit",
    "CircuitState",
    "Ingest",
    "IngestState",
    "Relay",
    "RelayState",
]
