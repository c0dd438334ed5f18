"""The service that is measured with events of four versions, and the same events elsewhere.

Each peer makes the same fourth version of the same first: with a pydantic model at every hop, and
with the upcasting of the `eventsourcing` package, whose JSON knows ids and times, and which
validates nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from eventsourcing.domain import Aggregate
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    Mapper,
    StoredEvent,
    UUIDAsHex,
)
from eventsourcing.utils import get_topic
from headwater_generator import generate
from pydantic import AwareDatetime, BaseModel, ConfigDict

__all__ = [
    "EVENT",
    "STREAM",
    "VERSIONS",
    "by_constructors",
    "by_dumps",
    "by_eventsourcing",
    "import_service",
    "payload",
]

EVENT = "OrderPlaced"
STREAM = "orders"
SPEC = """\
headwater: 1
service: old-shop
types:
  Person: {fields: {first_name: string, last_name: string}}
  Channel:
    enum: [web, call]
    history: {1: {enum: [web, phone]}}
streams: {orders: {type: persistent}}
workflows:
  Order:
    stream: orders
    events:
      OrderPlaced:
        fields:
          order_id: uuid
          note: string
          quantity: int
          placed_at: datetime
          price: decimal
          channel: Channel
          currency: string
          person: Person
        upcast:
          - split: {field: customer, into: [first_name, last_name], sep: " "}
          - nest: {fields: [first_name, last_name], into: person}
        history:
          1:
            fields:
              order_id: uuid
              name: string
              note: string
              quantity: int
              cents: int
              placed_at: datetime
              channel: Channel@1
          2:
            fields:
              order_id: uuid
              customer: string
              note: string
              quantity: int
              price: decimal
              placed_at: datetime
              channel: Channel@1
            upcast:
              - rename: {name: customer, cents: price}
              - convert: {price: minor_units_to_decimal}
          3:
            fields:
              order_id: uuid
              customer: string
              note: string
              quantity: int
              price: decimal
              placed_at: datetime
              channel: Channel
              currency: string
            upcast:
              - map_enum: {field: channel, values: {phone: call}}
              - add: {currency: EUR}
"""
_FIRST = {
    "order_id": "7d7e1c52-5f5b-4c5e-9f35-0f6a0a3a5b10",
    "name": "Ada Lovelace",
    "note": "Please leave it with the neighbours, and ring twice so that they hear it.",
    "quantity": 3,
    "cents": 1995,
    "placed_at": "2026-01-02T03:04:05Z",
    "channel": "phone",
}


def _second(one: dict[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in one.items() if key not in {"name", "cents"}}
    return made | {"customer": one["name"], "price": "19.95"}


def _third(two: dict[str, Any]) -> dict[str, Any]:
    return two | {"channel": "call", "currency": "EUR"}


def _fourth(three: dict[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in three.items() if key != "customer"}
    return made | {"person": {"first_name": "Ada", "last_name": "Lovelace"}}


VERSIONS: dict[int, dict[str, Any]] = {
    1: _FIRST,
    2: _second(_FIRST),
    3: _third(_second(_FIRST)),
    4: _fourth(_third(_second(_FIRST))),
}
"""The same order at each version, as JSON."""


def import_service(root: Path) -> Any:
    """Generate the package in an empty folder, and return the service."""
    (root / "spec").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.headwater]\n")
    (root / "spec" / "old_shop.yaml").write_text(SPEC)
    generate(root)
    package = root / "generated" / "old_shop"
    place = importlib.util.spec_from_file_location(
        "old_shop", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert place
    assert place.loader
    module = importlib.util.module_from_spec(place)
    sys.modules["old_shop"] = module
    place.loader.exec_module(module)
    return importlib.import_module("old_shop.service").old_shop


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Order1(_Model):
    order_id: UUID
    name: str
    note: str
    quantity: int
    cents: int
    placed_at: AwareDatetime
    channel: Literal["web", "phone"]


class _Order2(_Model):
    order_id: UUID
    customer: str
    note: str
    quantity: int
    price: Decimal
    placed_at: AwareDatetime
    channel: Literal["web", "phone"]


class _Order3(_Model):
    order_id: UUID
    customer: str
    note: str
    quantity: int
    price: Decimal
    placed_at: AwareDatetime
    channel: Literal["web", "call"]
    currency: str


class _Person(_Model):
    first_name: str
    last_name: str


class _Order4(_Model):
    order_id: UUID
    note: str
    quantity: int
    price: Decimal
    placed_at: AwareDatetime
    channel: Literal["web", "call"]
    currency: str
    person: _Person


def by_constructors(data: bytes) -> _Order4:
    """The first version, a model at every hop, each made of the fields of the one before."""
    one = _Order1.model_validate_json(data)
    two = _Order2(
        order_id=one.order_id,
        customer=one.name,
        note=one.note,
        quantity=one.quantity,
        price=Decimal(one.cents) / 100,
        placed_at=one.placed_at,
        channel=one.channel,
    )
    three = _Order3(
        order_id=two.order_id,
        customer=two.customer,
        note=two.note,
        quantity=two.quantity,
        price=two.price,
        placed_at=two.placed_at,
        channel="call" if two.channel == "phone" else two.channel,
        currency="EUR",
    )
    first, _, last = three.customer.partition(" ")
    return _Order4(
        order_id=three.order_id,
        note=three.note,
        quantity=three.quantity,
        price=three.price,
        placed_at=three.placed_at,
        channel=three.channel,
        currency=three.currency,
        person=_Person(first_name=first, last_name=last),
    )


def by_dumps(data: bytes) -> _Order4:
    """The first version, a model at every hop, each validated from the dump of the one before."""
    one = _Order1.model_validate_json(data).model_dump()
    one["customer"] = one.pop("name")
    one["price"] = Decimal(one.pop("cents")) / 100
    two = _Order2.model_validate(one).model_dump()
    if two["channel"] == "phone":
        two["channel"] = "call"
    two["currency"] = "EUR"
    three = _Order3.model_validate(two).model_dump()
    first, _, last = three.pop("customer").partition(" ")
    three["person"] = {"first_name": first, "last_name": last}
    return _Order4.model_validate(three)


class OldOrder(Aggregate):
    """The aggregate of the peer."""

    class Placed(Aggregate.Event):
        """At its fourth version."""

        class_version = 4

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """From the first to the second."""
            state["customer"] = state.pop("name")
            state["price"] = Decimal(state.pop("cents")) / 100

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            """From the second to the third."""
            if state["channel"] == "phone":
                state["channel"] = "call"
            state["currency"] = "EUR"

        @staticmethod
        def upcast_v3_v4(state: dict[str, Any]) -> None:
            """From the third to the fourth."""
            first, _, last = state.pop("customer").partition(" ")
            state["person"] = {"first_name": first, "last_name": last}


def by_eventsourcing() -> Callable[[], Any]:
    """What brings the first version, as the package stored it, to the fourth."""
    transcoder = JSONTranscoder()
    for transcoding in (UUIDAsHex(), DatetimeAsISO(), DecimalAsStr()):
        transcoder.register(transcoding)
    mapper: Mapper[UUID] = Mapper(transcoder)
    moment = datetime.fromisoformat(_FIRST["placed_at"])
    state = {
        **_FIRST,
        "order_id": UUID(_FIRST["order_id"]),
        "placed_at": moment,
        "timestamp": moment,
    }
    stored = StoredEvent(uuid4(), 1, get_topic(OldOrder.Placed), transcoder.encode(state))
    event = mapper.to_domain_event(stored)
    assert event.person == {"first_name": "Ada", "last_name": "Lovelace"}
    return lambda: mapper.to_domain_event(stored)


def payload(version: int) -> bytes:
    """The order at a version, as it is stored."""
    return json.dumps(VERSIONS[version], separators=(",", ":")).encode()
