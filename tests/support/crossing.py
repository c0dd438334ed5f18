"""Two services, by hand and in the shape that the generator writes: shop publishes, ledger reads.

Each comes in three releases, which know one version of `SaleMade` more each. All of them publish
version 1, or whichever they are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from headwater import (
    Command,
    CommandContext,
    CommandDefinition,
    CommandKind,
    Contract,
    Event,
    EventContext,
    Mode,
    Publication,
    Remote,
    Service,
    Stream,
    StreamType,
    Subscription,
    Unrouted,
    Upcasting,
    Workflow,
    WorkflowDefinition,
)

__all__ = [
    "GiveTip",
    "LedgerHandlers",
    "MakeSale",
    "SaleMadeV1",
    "SaleMadeV2",
    "SaleMadeV3",
    "Sales",
    "ShopHandlers",
    "TipGiven",
    "contract_at",
    "ledger_at",
    "reading",
    "shop_at",
]


class SaleMadeV1(Event):
    """Something was sold."""

    event_name: ClassVar[str] = "SaleMade"
    event_version: ClassVar[int] = 1

    number: int
    price: int


class SaleMadeV2(Event):
    """Something was sold: the price says in what."""

    event_name: ClassVar[str] = "SaleMade"
    event_version: ClassVar[int] = 2

    number: int
    cents: int


class SaleMadeV3(Event):
    """Something was sold, somewhere."""

    event_name: ClassVar[str] = "SaleMade"
    event_version: ClassVar[int] = 3

    number: int
    cents: int
    place: str = "here"


class TipGiven(Event):
    """Somebody was glad; nobody keeps it."""

    event_name: ClassVar[str] = "TipGiven"
    event_version: ClassVar[int] = 1

    number: int


VERSIONS: tuple[type[Event], ...] = (SaleMadeV1, SaleMadeV2, SaleMadeV3)


def _moved(data: dict[str, Any], before: str, after: str) -> dict[str, Any]:
    return {after if name == before else name: value for name, value in data.items()}


def _without_place(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "place"}


UPCASTING: Upcasting = {
    ("SaleMade", 1, 2): lambda data: _moved(data, "price", "cents"),
    ("SaleMade", 2, 1): lambda data: _moved(data, "cents", "price"),
    ("SaleMade", 2, 3): lambda data: {**data, "place": "here"},
    ("SaleMade", 3, 2): _without_place,
    ("SaleMade", 1, 3): lambda data: {**_moved(data, "price", "cents"), "place": "here"},
    ("SaleMade", 3, 1): lambda data: _moved(_without_place(data), "cents", "price"),
}


def _upcasting(head: int) -> Upcasting:
    return MappingProxyType(
        {way: upcast for way, upcast in UPCASTING.items() if max(way[1:]) <= head}
    )


class MakeSale(Command[None]):
    """Sell something."""

    command_name: ClassVar[str] = "MakeSale"

    customer: str
    number: int


class GiveTip(Command[None]):
    """Be glad."""

    command_name: ClassVar[str] = "GiveTip"

    number: int


class Sales(Workflow[Event]):
    """All that a customer buys."""

    workflow_name: ClassVar[str] = "Sales"


class Tip(Workflow[Event]):
    """One tip."""

    workflow_name: ClassVar[str] = "Tip"


def shop_at(
    head: int = 1,
    *,
    publishes: int | None = 1,
    unrouted: Unrouted = Unrouted.HOLD,
    tips: bool = False,
) -> Service[Any]:
    """The shop, of the release whose `SaleMade` has this head."""

    def published(versions: Mapping[str, int]) -> Publication:
        return Publication(versions=versions, unrouted=unrouted)

    sales = None if publishes is None else published({"SaleMade": publishes})
    return Service(
        format=1,
        name="shop",
        streams=(
            Stream("sales", StreamType.PERSISTENT, publication=sales),
            Stream(
                "tips",
                StreamType.EPHEMERAL,
                publication=published({"TipGiven": 1}) if tips else None,
            ),
        ),
        workflows=(
            WorkflowDefinition(Sales, stream="sales", events=VERSIONS[:head]),
            WorkflowDefinition(Tip, stream="tips", events=(TipGiven,)),
        ),
        commands=(
            CommandDefinition(
                MakeSale,
                CommandKind.STARTS_OR_CONTINUES,
                workflow=Sales,
                id_field="customer",
                handler="make_sale",
            ),
            CommandDefinition(GiveTip, CommandKind.STARTS, workflow=Tip, handler="give_tip"),
        ),
        upcasting=_upcasting(head),
    )


class ShopHandlers:
    """Sells at the version that its release has."""

    def __init__(self, head: int = 1) -> None:
        self._head = head

    async def make_sale(
        self, command: MakeSale, workflow: Workflow[Event], context: CommandContext
    ) -> None:
        match self._head:
            case 1:
                workflow.emit(SaleMadeV1(number=command.number, price=command.number))
            case 2:
                workflow.emit(SaleMadeV2(number=command.number, cents=command.number))
            case _:
                workflow.emit(SaleMadeV3(number=command.number, cents=command.number))

    async def give_tip(
        self, command: GiveTip, workflow: Workflow[Event], context: CommandContext
    ) -> None:
        workflow.emit(TipGiven(number=command.number))


def contract_at(head: int = 1) -> Contract:
    """The shop's contract, as the client package of that release has it."""
    return Contract(
        service="shop",
        streams={"sales": VERSIONS[:head], "tips": (TipGiven,)},
        upcasting=_upcasting(head),
    )


def reading(name: str = "bookings", head: int = 1, **options: Any) -> Subscription[Any]:
    """A subscription of the ledger to the shop's sales, with a handler of its name."""
    return Subscription(
        **{
            "name": name,
            "stream": "shop/sales",
            "mode": Mode.CONSUMER_GROUP,
            "events": (VERSIONS[head - 1],),
            "whole_stream": True,
            "handler": "bookings",
            **options,
        }
    )


def ledger_at(
    head: int = 1,
    *subscriptions: Subscription[Any],
    direct: bool = False,
    stream: str = "sales",
    **options: Any,
) -> Service[Any]:
    """The ledger, which has the shop's contract of that release."""
    kind = StreamType.EPHEMERAL if direct else StreamType.PERSISTENT
    remote = Remote("shop", stream, direct)
    return Service(
        **{
            "format": 1,
            "name": "ledger",
            "streams": (Stream(f"shop/{stream}", kind, remote=remote),),
            "subscriptions": subscriptions or (reading(head=head),),
            "remotes": (contract_at(head),),
            **options,
        }
    )


@dataclass
class LedgerHandlers:
    """Books what it is given."""

    booked: list[tuple[str, int]] = field(default_factory=list)
    """Customer and number, in the order of the bookings."""
    contexts: list[EventContext] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    """Raised one after the other, before anything is booked."""

    async def bookings(self, event: Any, context: EventContext) -> None:
        self.contexts.append(context)
        if self.failures:
            raise self.failures.pop(0)
        self.booked.append((context.recorded.workflow_id, event.number))
