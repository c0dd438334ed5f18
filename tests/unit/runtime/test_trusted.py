"""Recorded events are read without the costly checks, and as strictly in all else."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from headwater import Data, Event, Metadata, RecordedEvent, UniqueItems, UnreadableEventError, Uri
from headwater.evolution import Registry
from pydantic import EmailStr, Field


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
