"""Names that clash are other names in Python, and the spec's own on the wire."""

import asyncio
import json
from datetime import UTC, date, datetime
from uuid import UUID

from generated.import_service import (
    Dict,
    Field,
    Import,
    List,
    ValueErrorV1,
    import_service,
    subscriptions,
)
from headwater import App
from services.import_service import handlers

NAMES_IN_THE_SPEC = {"class", "def", "model_config", "json", "async", "event_name", "terminal"}
TEXT = {
    name: "x"
    for name, field in ValueErrorV1.model_fields.items()
    if field.annotation is str and name != "def_"
}

event = ValueErrorV1.model_validate(
    {
        **TEXT,
        "def": 1,
        "dict": Dict(keys="k", items=1, list=["a"]),
        "list": List.MRO,
        "field": Field(annotation="int"),
        "int": 2,
        "date": date(2026, 1, 1),
        "datetime": datetime(2026, 1, 1, tzinfo=UTC),
        "uuid": UUID(int=1),
        "event_version": 3,
        "terminal": True,
    }
)
wire = json.loads(event.model_dump_json())
assert wire.keys() >= NAMES_IN_THE_SPEC
assert not [name for name in wire if name.endswith("_")]
assert (event.event_name, event.event_version, event.terminal) == ("ValueError", 1, False)
assert (event.event_name_, event.event_version_, event.terminal_) == ("x", 3, True)
assert ValueErrorV1.model_validate_json(event.model_dump_json()) == event
assert subscriptions.raise_.metadata == {"class": "a'b\"c"}


async def main() -> None:
    async with App(import_service, handlers=handlers):
        command = Import.model_validate_json('{"class": "a", "from": "b", "command_name": "c"}')
        assert (command.class_, command.command_name) == ("a", "Import")


asyncio.run(main())
