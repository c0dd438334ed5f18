"""Events, commands and data: strict on the way in, masked in sight, plain JSON on the wire."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

import pytest
from headwater import Data, Event, Metadata, Personal, RecordedEvent, UnreadableEventError, Uri
from headwater.evolution import Registry
from headwater.stores.contract import NewEvent
from pydantic import AwareDatetime, Field, JsonValue, ValidationError

ALL_TWOS = b"\xff\xfe\xfb"


class Inner(Data):
    raw: bytes


class Everything(Event):
    event_name: ClassVar[str] = "Everything"
    event_version: ClassVar[int] = 1

    raw: bytes
    many: dict[str, list[bytes]] = Field(default_factory=dict)
    inner: Inner | None = None
    wait: timedelta = timedelta(hours=1)
    price: Decimal = Decimal("1.10")
    at: AwareDatetime = datetime(2025, 1, 1, tzinfo=UTC)
    link: Uri = "https://example.com/%C3%A4"
    anything: JsonValue = None
    class_: Annotated[str, Field(alias="class")] = "first"
    name: Annotated[str, Personal] = "Ada"
    nick: Annotated[str, Personal] | None = None


def wire(event: Event) -> str:
    return event.model_dump_json()


def test_bytes_are_written_in_standard_base64_wherever_they_stand() -> None:
    event = Everything(raw=ALL_TWOS, many={"a": [ALL_TWOS]}, inner=Inner(raw=ALL_TWOS))
    assert wire(event).startswith(
        '{"raw":"//77","many":{"a":["//77"]},"inner":{"raw":"//77"},"wait":"PT1H","price":"1.10",'
        '"at":"2025-01-01T00:00:00Z","link":"https://example.com/%C3%A4"'
    )
    assert Everything.model_validate_json(wire(event)) == event


def test_a_field_is_written_under_its_name_in_the_spec_and_made_by_either() -> None:
    assert '"class":"x"' in wire(Everything(raw=b"", class_="x"))
    assert Everything.model_validate_json('{"raw": "", "class": "x"}').class_ == "x"


def test_json_that_looks_like_a_schema_is_left_alone() -> None:
    class Odd(Data):
        value: JsonValue
        type: bytes = ALL_TWOS

    odd = Odd(value={"type": "bytes"})
    assert odd.model_dump_json() == '{"value":{"type":"bytes"},"type":"//77"}'


def test_what_is_about_a_person_does_not_show() -> None:
    event = Everything(raw=b"", name="Grace", nick="Amazing")
    for text in (repr(event), str(event)):
        assert "name=***" in text
        assert "nick=***" in text
        assert "Grace" not in text
        assert "Amazing" not in text
    assert '"Grace"' in wire(event)


@pytest.mark.parametrize(
    "wrong", ['{"raw": 1}', '{"raw": "", "extra": 1}', '{"raw": "", "name": 1}']
)
def test_what_does_not_fit_is_refused_without_showing_it(wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Everything.model_validate_json(wrong)
    assert "input_value" not in str(refused.value)


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Everything(raw=b"").name = "Eve"


@pytest.mark.parametrize(
    "text", ["", "example.com", "http://a b", "x:", "http://ä", "http://a/%zz"]
)
def test_a_uri_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="URI"):
        Everything(raw=b"", link=text)


@pytest.mark.parametrize("text", ["HTTP://Example.com", "urn:isbn:0451450523", "mailto:a@b.c"])
def test_a_uri_keeps_its_text(text: str) -> None:
    assert Everything(raw=b"", link=text).link == text


def recorded(data: bytes, *, version: int = 1) -> RecordedEvent:
    return RecordedEvent(
        stream="log",
        offset=1,
        id=UUID(int=1),
        name="Everything",
        version=version,
        workflow=None,
        workflow_id="w",
        workflow_version=None,
        recorded_at=datetime(2025, 1, 1, tzinfo=UTC),
        data=data,
        metadata=Metadata(),
    )


def test_a_recorded_event_may_have_fields_that_its_class_does_not_know() -> None:
    event = Registry([Everything]).decode(recorded(b'{"raw": "//77", "later": 1}'))
    assert event == Everything(raw=ALL_TWOS)


@pytest.mark.parametrize(
    "event", [recorded(b'{"raw": 1}'), recorded(b"{", version=1), recorded(b"{}", version=2)]
)
def test_a_recorded_event_that_cannot_be_read_says_why(event: RecordedEvent) -> None:
    with pytest.raises(UnreadableEventError, match="Everything version"):
        Registry([Everything]).decode(event)


def test_an_event_to_record_does_not_show_its_data() -> None:
    """It may be about a person."""
    event = NewEvent(
        id=UUID(int=1),
        name="OrderPlaced",
        version=1,
        data=b'{"email": "ada@example.com"}',
        terminal=False,
        metadata=Metadata(),
    )
    assert "example.com" not in repr(event)
