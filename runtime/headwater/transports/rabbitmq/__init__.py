"""RabbitMQ as a transport (extra `rabbitmq`); its options need nothing of that extra."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .options import ExchangeType, RabbitmqOptions, RoutingKey

if TYPE_CHECKING:
    from .transport import RabbitmqTransport

__all__ = ["ExchangeType", "RabbitmqOptions", "RabbitmqTransport", "RoutingKey"]


def __getattr__(name: str) -> Any:
    if name != "RabbitmqTransport":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.transport").RabbitmqTransport
