"""How expressions are written as Python, where a mistake would be another value."""

from __future__ import annotations

from typing import Any

from . import random_events
from .properties import ENVELOPE
from .random_events import Draft
from .test_fusion import both, generated


def upcast(tmp_path: Any, older: dict[str, str], fields: dict[str, str], *ops: Any) -> Any:
    draft = Draft(fields, list(ops))
    hops, _ = both(random_events.spec_of(older, draft), tmp_path)
    return generated(*hops, down=False)


def test_a_text_that_is_put_together_is_taken_apart_as_a_whole(tmp_path: Any) -> None:
    split = upcast(
        tmp_path,
        {"id": "int"},
        {"id": "int", "a": "string", "b": "string"},
        {"format": {"n": "no {id} of"}},
        {"split": {"field": "n", "into": ["a", "b"], "sep": " "}},
    )

    assert split({"id": 7}, ENVELOPE) == {"id": 7, "a": "no", "b": "7 of"}


def test_a_field_that_is_converted_twice_in_one_hop_is_converted_both_ways(tmp_path: Any) -> None:
    convert = upcast(
        tmp_path,
        {"at": "datetime"},
        {"at": "string"},
        {"convert": {"at": "datetime_to_epoch_ms"}},
        {"convert": {"at": "int_to_string"}},
    )

    assert convert({"at": "2000-01-01T00:00:00Z"}, ENVELOPE) == {"at": "946684800000"}
