"""Every value goes to JSON and back unchanged, and fits the published JSON Schema."""

import asyncio
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import jsonschema
from generated.measure_service import (
    AllOf,
    Below,
    ByMail,
    ByPhone,
    Constrained,
    Containers,
    Defaulted,
    Grade,
    Not,
    Place,
    Private,
    ShortForms,
    measure_service,
)
from headwater import App, Event
from pydantic import ValidationError
from services.measure_service import handlers

SCHEMAS = Path("generated/measure_service/schemas")
ADA = ByMail(address="ada@example.com")
HOME = Place(country="GB", inside=Place(street="Outer", country="GB"))


def there_and_back(event: Event) -> None:
    text = event.model_dump_json()
    schema = json.loads((SCHEMAS / f"{event.event_name}.v1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    assert type(event).model_validate_json(text) == event


def refused(model: type[Event], text: str) -> None:
    try:
        model.model_validate_json(text)
    except ValidationError:
        return
    raise AssertionError(f"{model.__name__} took {text}")


there_and_back(
    ShortForms(
        text="tëxt\x7f\U0001f600",
        number=-(2**53),
        ratio=0.1,
        flag=True,
        price=Decimal("1234567890.12345678901234567890"),
        key=UUID(int=7),
        day=date(2026, 2, 28),
        clock=time(23, 59, 59, 1),
        moment=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        span=timedelta(days=3, seconds=1, microseconds=5),
        blob=bytes(range(256)),
        mail="ada@example.com",
        link="https://example.com",
        anything={"a": [1, None, True, {"b": 0.5}]},
    )
)
full = Containers(
    tags=["a", ""],
    scores={"x": 0.5},
    matrix=[[1], [], [2, 3]],
    by_day={"mon": [date(2026, 1, 5)]},
    maybe_each=[1, None],
    grade=Grade.VERY_HIGH,
    grades=list(Grade),
    place=HOME,
    places={"home": HOME},
    contact=ADA,
    contacts=[ADA, ByPhone(number="+44 1")],
)
there_and_back(full)
assert full.maybe is None
rule = AllOf(parts=[Below(limit=1.5), Not(rule=Below(limit=0.5)), AllOf(parts=[])])
there_and_back(full.model_copy(update={"rule": rule}))
assert full.maybe_contact is None
assert json.loads(full.model_dump_json())["contact"]["kind"] == "ByMail"
right = Constrained(
    code="a\"'\\",
    count=10,
    share=0.5,
    step=15,
    amount=Decimal("0.5"),
    names=["a", "b"],
    limits={"a": 1},
    nickname=None,
)
there_and_back(right)
WRONG: dict[str, list[object]] = {
    "code": ["", "abcdefghij", "A"],
    "count": [-1, 11],
    "share": [0, 1],
    "step": [7],
    "amount": ["-1"],
    "names": [[], ["a", "b", "c", "d"], ["a", "a"]],
    "limits": [{}, {"a": 1, "b": 2, "c": 3}],
    "nickname": ["x"],
}
for name, values in WRONG.items():
    for value in values:
        refused(Constrained, json.dumps(json.loads(right.model_dump_json()) | {name: value}))
there_and_back(Defaulted())
assert Defaulted().grades == [
    Grade.LOW,
    Grade["VALUE_2ND"] if "VALUE_2ND" in Grade.__members__ else list(Grade)[2],
]
assert Defaulted().tags is not Defaulted().tags
secret = Private(name="Ada Lovelace", birthday=date(1815, 12, 10))
there_and_back(secret)
assert "Ada" not in repr(secret)
assert "1815" not in str(secret)
refused(ShortForms, "{}")


async def main() -> None:
    async with App(measure_service, handlers=handlers) as app:
        assert app is not None


asyncio.run(main())
