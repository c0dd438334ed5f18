"""The registry: classes by version, and events brought from one version to another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import pytest
from headwater import (
    ConfigurationError,
    Envelope,
    Event,
    Metadata,
    RecordedEvent,
    Registry,
    UnreadableEventError,
    UpcastError,
    Upcasting,
    WithEnvelope,
)
from headwater.evolution import Fields, conversion, custom_function
from headwater.evolution.steps import StepError
from headwater.schema.conversions import CONVERSIONS

ID = UUID("0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10")


class PricedV1(Event):
    event_name: ClassVar[str] = "Priced"
    event_version: ClassVar[int] = 1

    item: UUID
    cents: int


class PricedV2(Event):
    event_name: ClassVar[str] = "Priced"
    event_version: ClassVar[int] = 2

    item: UUID
    price: Decimal
    priced_at: str


_PRICE = conversion(2, "convert cents", "minor_units_to_decimal")
_CENTS = conversion(2, "convert cents", "decimal_to_minor_units", down=True)


@WithEnvelope
def priced_v1_to_v2(data: Fields, envelope: Envelope) -> Fields:
    return {"item": data["item"], "price": _PRICE(data["cents"]), "priced_at": envelope.time}


def priced_v2_to_v1(data: Fields) -> Fields:
    return {"item": data["item"], "cents": _CENTS(data["price"])}


UPCASTING: Upcasting = {
    ("Priced", 1, 2): priced_v1_to_v2,
    ("Priced", 2, 1): priced_v2_to_v1,
}


@pytest.fixture
def registry() -> Registry:
    return Registry([PricedV2, PricedV1], UPCASTING)


def recorded(version: int, data: bytes) -> RecordedEvent:
    return RecordedEvent(
        stream="prices",
        offset=1,
        id=ID,
        name="Priced",
        version=version,
        workflow="Item",
        workflow_id="1",
        workflow_version=1,
        recorded_at=datetime(2024, 5, 1, 12, tzinfo=UTC),
        data=data,
        metadata=Metadata(),
    )


OLD = recorded(1, b'{"item": "0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10", "cents": 1250}')
NEW = recorded(
    2,
    b'{"item": "0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10", "price": "12.50", "priced_at": "noon"}',
)


def test_classes_are_found_by_version_and_the_head_without_one(registry: Registry) -> None:
    assert registry.get("Priced") is PricedV2
    assert registry.get("Priced", 1) is PricedV1
    assert registry.history("Priced") == (PricedV1, PricedV2)
    for name, version in (("Priced", 3), ("Priced", 0), ("Sold", None)):
        with pytest.raises(UnreadableEventError, match="no class reads it"):
            registry.get(name, version)
    with pytest.raises(UnreadableEventError):
        registry.history("Sold")


def test_an_old_event_is_decoded_as_its_head(registry: Registry) -> None:
    assert registry.decode(OLD) == PricedV2(
        item=ID, price=Decimal("12.50"), priced_at="2024-05-01T12:00:00Z"
    )


def test_a_new_event_is_decoded_as_the_version_that_is_pinned(registry: Registry) -> None:
    assert registry.decode(NEW, {"Priced": 1}) == PricedV1(item=ID, cents=1250)


@pytest.mark.parametrize(("event", "wanted"), [(OLD, 1), (NEW, 2)])
def test_an_event_at_the_wanted_version_is_not_touched(event: RecordedEvent, wanted: int) -> None:
    """There is no way at all here, and none is missed."""
    decoded = Registry([PricedV1, PricedV2]).decode(event, {"Priced": wanted})

    assert decoded.event_version == wanted


def test_data_from_code_goes_either_way_and_stays_as_it_was(registry: Registry) -> None:
    data: dict[str, Any] = {"item": "x", "price": "12.50", "priced_at": "noon"}

    assert registry.upcast("Priced", data, 2, 1) == {"item": "x", "cents": 1250}
    assert registry.upcast("Priced", data, 2, 2) == data
    assert data == {"item": "x", "price": "12.50", "priced_at": "noon"}


def test_without_an_envelope_what_takes_from_it_fails(registry: Registry) -> None:
    with pytest.raises(UpcastError, match="no envelope was given to take time from") as caught:
        registry.upcast("Priced", {"item": "x", "cents": 1}, 1, 2)

    assert caught.value.event_id is None
    given = Envelope(id=str(ID), time="noon", workflow_id="1")
    data = {"item": "x", "cents": 1}
    assert registry.upcast("Priced", data, 1, 2, envelope=given)["priced_at"] == "noon"


def test_an_op_that_fails_is_named_with_its_event(registry: Registry) -> None:
    """What the event says is not told: it may be about a person."""
    broken = recorded(2, b'{"item": "x", "price": "secret", "priced_at": "noon"}')

    with pytest.raises(UpcastError) as caught:
        registry.decode(broken, {"Priced": 1})

    error = caught.value
    assert (error.event, error.version, error.event_id) == ("Priced", 2, ID)
    assert error.hop == (2, 1)
    assert error.op == "convert cents"
    assert error.__cause__ is not None
    assert "secret" not in str(error)


def test_data_that_is_not_of_its_version_names_the_field_that_is_missing(
    registry: Registry,
) -> None:
    with pytest.raises(UpcastError, match="it has no field 'cents'"):
        registry.decode(recorded(1, b'{"item": "x"}'))


class PricedV3(Event):
    event_name: ClassVar[str] = "Priced"
    event_version: ClassVar[int] = 3

    item: UUID
    price: Decimal


def test_without_a_direct_way_it_goes_hop_by_hop() -> None:
    upcasting: Upcasting = {
        **UPCASTING,
        ("Priced", 2, 3): lambda data: {"item": data["item"], "price": data["price"]},
    }
    hops = Registry([PricedV1, PricedV2, PricedV3], upcasting)

    assert hops.can_upcast("Priced", 1, 3)
    assert hops.decode(OLD) == PricedV3(item=ID, price=Decimal("12.50"))
    direct: Upcasting = {
        **upcasting,
        ("Priced", 1, 3): lambda data: {"item": data["item"], "price": "1"},
    }
    straight = Registry([PricedV1, PricedV2, PricedV3], direct)
    assert straight.decode(OLD) == PricedV3(item=ID, price=Decimal(1))


def test_what_an_upcast_makes_is_validated_as_what_was_recorded_is(registry: Registry) -> None:
    """Strictly, as JSON: texts that stand for a uuid pass, others don't."""
    broken = recorded(1, b'{"item": "no uuid", "cents": 1250}')

    with pytest.raises(UnreadableEventError, match="brought to version 2: item"):
        registry.decode(broken)


@pytest.mark.parametrize("data", [b"[1]", b"{", b'"x"'])
def test_what_is_no_object_is_unreadable(registry: Registry, data: bytes) -> None:
    with pytest.raises(UnreadableEventError, match="no JSON"):
        registry.decode(recorded(1, data))


def test_a_way_that_is_not_there_is_told(registry: Registry) -> None:
    one_way = Registry([PricedV1, PricedV2], {("Priced", 1, 2): priced_v1_to_v2})

    assert one_way.can_upcast("Priced", 1, 2)
    assert not one_way.can_upcast("Priced", 2, 1)
    assert not registry.can_upcast("Priced", 1, 3)
    with pytest.raises(UnreadableEventError, match="no way leads to version 1"):
        one_way.decode(NEW, {"Priced": 1})
    with pytest.raises(UnreadableEventError, match="no class reads it"):
        registry.decode(recorded(3, b"{}"))


def test_two_classes_for_one_version_are_refused() -> None:
    class Other(PricedV1):
        pass

    with pytest.raises(ConfigurationError, match="two classes are Priced version 1"):
        Registry([PricedV1, Other])


def test_a_function_of_the_teams_own_changes_its_own_copy_only() -> None:
    def tidy(fields: Fields) -> Fields:
        fields["place"]["city"] = "Berlin"
        return fields

    data = {"place": {"city": "berlin"}}

    assert custom_function(2, "custom tidy", tidy)(data) == {"place": {"city": "Berlin"}}
    assert data == {"place": {"city": "berlin"}}


def test_what_comes_after_a_function_of_the_teams_own_is_given_plain_json() -> None:
    made = custom_function(2, "custom tidy", lambda fields: {"tags": ("a", "b"), "id": ID})({})

    assert made == {"tags": ["a", "b"], "id": str(ID)}


@pytest.mark.parametrize(
    ("minor", "written"),
    [
        *((0, "0"), (1, "0.01"), (-5, "-0.05"), (50, "0.5"), (100, "1"), (-1995, "-19.95")),
        *((10**15 - 1, "9999999999999.99"), (-(10**15), "-10000000000000")),
        *((10**30 + 50, "10000000000000000000000000000.5"), (-(10**30) - 1, f"-1{'0' * 28}.01")),
    ],
)
def test_minor_units_are_written_digit_by_digit(minor: int, written: str) -> None:
    assert CONVERSIONS["minor_units_to_decimal"].function(minor) == written
    assert CONVERSIONS["decimal_to_minor_units"].function(written) == minor


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda fields: None, "it returned NoneType; a dict is due"),
        (lambda fields: {"id": 1}, "it returned no city, no street"),
        (
            lambda fields: {"id": object(), "city": "", "street": ""},
            "it returned what cannot be written as JSON",
        ),
        (lambda fields: fields["secret"], "the function raised KeyError"),
    ],
)
def test_what_a_function_did_not_do_is_told(
    function: Callable[[Fields], Fields], reason: str
) -> None:
    with pytest.raises(StepError) as caught:
        custom_function(2, "custom tidy", function, "id", "city", "street", down=True)({"id": 1})

    assert (caught.value.reason, caught.value.hop) == (reason, (2, 1))
