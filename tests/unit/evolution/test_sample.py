"""The sample's versions: each op is needed, and generation says which one is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from headwater_generator.check import load_specs
from headwater_generator.compatibility import compare
from headwater_generator.lock import lock_folder, read_lock
from headwater_generator.model.versions import versions_of
from headwater_generator.problems import SpecError

SAMPLE = Path(__file__).parents[3] / "spec" / "user_service.yaml"
MISSING = {
    ("head", "rename"): ("HW802", "source"),
    ("head", "map_enum"): ("HW807", "source"),
    (2, "split"): ("HW805", "first_name"),
    (2, "format"): ("HW805", "email"),
    (2, "add"): ("HW805", "channel"),
}


def lists(document: Any) -> dict[Any, list[dict[str, Any]]]:
    event = document["workflows"]["User"]["events"]["UserAdded"]
    past = {number: one.get("upcast", []) for number, one in event["history"].items()}
    return {"head": event["upcast"], **{number: ops for number, ops in past.items() if ops}}


def test_every_op_of_the_sample_is_deleted_below() -> None:
    found = lists(yaml.safe_load(SAMPLE.read_text()))

    assert {(where, next(iter(op))) for where, ops in found.items() for op in ops} == set(MISSING)


@pytest.mark.parametrize(("where", "name"), MISSING)
def test_without_an_op_it_is_said_what_is_missing(where: Any, name: str, tmp_path: Path) -> None:
    document = yaml.safe_load(SAMPLE.read_text())
    ops = lists(document)[where]
    ops[:] = [op for op in ops if name not in op]
    if not ops:
        raise AssertionError("the key would be empty, which is another mistake")
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))

    with pytest.raises(SpecError) as caught:
        load_specs([path], tmp_path)

    code, field = MISSING[where, name]
    assert any(one.code == code and f'"{field}"' in one.message for one in caught.value.problems)


def test_every_version_of_its_events_is_released_and_nothing_breaks() -> None:
    """So the lock has something to hold later changes of the sample against."""
    [spec] = load_specs([SAMPLE], SAMPLE.parents[1])
    lock = read_lock(lock_folder(SAMPLE, spec.service), SAMPLE.parents[1])
    compared = next(one for one in compare(SAMPLE.parents[1]) if one.spec.service == spec.service)

    assert {(name, number) for name, versions in lock.events.items() for number in versions} == {
        (one.name, one.version) for one in versions_of(spec)
    }
    assert all(one.is_released for versions in lock.events.values() for one in versions.values())
    assert all(one.verdicts["full-transitive"].holds for one in compared.events)
    assert compared.problems == ()
