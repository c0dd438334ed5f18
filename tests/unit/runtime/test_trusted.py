"""Recorded events are read without the costly checks, and as strictly in all else."""

import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from headwater import Data, Event, Metadata, RecordedEvent, UniqueItems, UnreadableEventError, Uri
from headwater.evolution import Registry
from headwater.testing.evolution import payloads
from headwater.trusted import trusting_maker, trusting_validator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, EmailStr, Field, ValidationError
from pydantic_core import SchemaValidator, to_json


class Contact(Data):
    email: EmailStr | None
    link: Uri


class Joined(Event):
    event_name: ClassVar[str] = "Joined"
    event_version: ClassVar[int] = 1

    contact: Contact
    others: dict[str, list[Contact]] = Field(default_factory=dict)
    tags: Annotated[list[str], UniqueItems] = Field(default_factory=list)
    at: datetime
    photo: bytes
    count: Annotated[int, Field(ge=1)]


EVENT = Joined(
    contact=Contact(email="ada@example.com", link="https://example.com/"),
    others={"a": [Contact(email=None, link="x:y")]},
    tags=["a", "b"],
    at=datetime(2025, 1, 1, tzinfo=UTC),
    photo=b"\xff\xfe>",
    count=1,
)
RECORDED = RecordedEvent(
    stream="s",
    offset=1,
    id=UUID(int=1),
    name="Joined",
    version=1,
    workflow=None,
    workflow_id="w",
    workflow_version=None,
    recorded_at=datetime(2025, 1, 1, tzinfo=UTC),
    data=EVENT.model_dump_json().encode(),
    metadata=Metadata(),
)


def decoded(**changes: Any) -> Event:
    fields = json.loads(RECORDED.data) | changes
    return Registry([Joined]).decode(RECORDED._replace(data=json.dumps(fields).encode()))


def test_what_was_recorded_is_read_as_it_was() -> None:
    event = Registry([Joined]).decode(RECORDED)
    assert event == EVENT
    assert type(event) is Joined
    assert repr(event) == repr(Joined.model_validate_json(RECORDED.data))
    assert event.model_dump_json() == EVENT.model_dump_json()


def test_texts_and_repeats_are_not_looked_into_again() -> None:
    event = decoded(contact={"email": "not an address", "link": "nor a link"}, tags=["a", "a"])
    assert isinstance(event, Joined)
    assert (event.contact.email, event.tags) == ("not an address", ["a", "a"])


@pytest.mark.parametrize(
    "changes",
    [
        {"contact": {"email": 5, "link": "x:y"}},
        {"contact": "ada"},
        {"count": 0},
        {"count": "1"},
        {"at": "yesterday"},
        {"tags": "a"},
        {"others": {"a": [{"email": None}]}},
    ],
)
def test_types_and_bounds_are_checked_as_always(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableEventError):
        decoded(**changes)


def test_fields_that_are_not_known_are_passed_over() -> None:
    assert decoded(new=1) == EVENT


GOLDEN = Path(__file__).parents[2] / "golden" / "every-field-type" / "expected"
ODD = [
    *(None, True, 0, -1, 3, 10**25, 0.0, 1.5, "", "a", "1", "1.0", "1e3", "nan", " 1 ", "1_0"),
    *("2024-05-01", "2024-05-01T12:00:00Z", "2024-05-01T12:00:00", "1700000000", "12:30", "90"),
    *("PT90S", "P1D", "1 day", "7d7e1c525f5b4c5e9f350f6a0a3a5b10", "!", "YQ==", "YQ", "low"),
    *([], ["a"], [1.5], {}, {"a": 1}, {"kind": "ByMail"}, {"kind": 1}),
]
"""What may stand where something else is expected."""


@pytest.fixture(scope="module")
def measures() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(GOLDEN))
        yield importlib.import_module("generated.measure_service.service").measure_service


@st.composite
def spoiled(draw: st.DrawFn, payload: Any) -> Any:
    """The payload, something in it replaced by what is odd there, or not."""
    whole = {"": payload}
    at, key = whole, ""
    while draw(st.booleans()) and isinstance(at[key], dict) and at[key]:
        at = at[key]
        key = draw(st.sampled_from(sorted(at)))
    if key:
        at[key] = draw(st.sampled_from(ODD))
    return whole[""]


@pytest.mark.parametrize("name", ["ShortForms", "Containers", "Constrained", "Defaulted"])
def test_fields_that_were_changed_are_accepted_just_as_if_they_were_read_out_of_json(
    measures: Any, name: str
) -> None:
    event = measures.registry.get(name)
    validator = trusting_validator(event)
    make = trusting_maker(event, validator)
    path = GOLDEN / "generated" / "measure_service" / "schemas" / f"{name}.v1.json"
    outcomes = set()

    @settings(
        max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(payloads(json.loads(path.read_text())).flatmap(spoiled))
    def alike(payload: Any) -> None:
        expected = outcome(lambda: validator.validate_json(to_json(payload), extra="ignore"))
        assert outcome(lambda: make(payload, extra="ignore")) == expected
        outcomes.add(isinstance(expected, Event))

    alike()

    assert outcomes == {True, False}


def outcome(read: Any) -> Any:
    try:
        return read()
    except ValidationError as error:
        return sorted(one["loc"] for one in error.errors())


def test_fields_are_made_an_event_without_the_detour_by_way_of_bytes(measures: Any) -> None:
    for name in ("ShortForms", "Containers", "Constrained", "Defaulted"):
        event = measures.registry.get(name)

        make = trusting_maker(event, trusting_validator(event))

        assert isinstance(getattr(make, "__self__", None), SchemaValidator), name


class Checked(Event):
    """What its function does with other than JSON is not known."""

    event_name: ClassVar[str] = "Checked"
    event_version: ClassVar[int] = 1

    at: Annotated[int, AfterValidator(lambda value: value + 1)]


def test_what_pydantic_may_not_treat_alike_takes_the_detour() -> None:
    make = trusting_maker(Checked, trusting_validator(Checked))

    assert not hasattr(make, "__self__")
    assert make({"at": 1}, extra="ignore").at == 2  # type: ignore[attr-defined]
