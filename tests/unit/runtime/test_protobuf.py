"""Events and commands as protobuf messages and back, on a package with every field type."""

from __future__ import annotations

import importlib
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from headwater.errors import ProtobufError
from headwater.events import Metadata, RecordedEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GOLDEN = Path(__file__).parents[2] / "golden"
MAXIMUM = 2**63 - 1


def load(case: str, package: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(GOLDEN / case / "expected"))
    return importlib.import_module(f"generated.{package}")


@pytest.fixture(scope="module")
def contract() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield load("every-field-type", "measure_service", monkeypatch)


@pytest.fixture(scope="module")
def messages(contract: ModuleType) -> Any:
    return importlib.import_module(f"{contract.__name__}.pb").messages


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
INT = st.integers(-MAXIMUM - 1, MAXIMUM)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
MOMENT = st.datetimes(
    timezones=st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
        lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOAT | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "number": INT,
    "ratio": FLOAT,
    "flag": st.booleans(),
    "price": st.decimals(allow_nan=False, allow_infinity=False),
    "key": st.uuids(),
    "day": st.dates(),
    "clock": st.times(),
    "moment": MOMENT,
    "span": st.timedeltas(),
    "blob": st.binary(max_size=20),
    "mail": st.just("ada@example.com"),
    "link": st.just("https://example.com/a?b=%20"),
    "anything": JSON,
}


def lists(item: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(item, max_size=3)


def maps(item: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(TEXT, item, max_size=3)


def events(c: ModuleType) -> st.SearchStrategy[Any]:
    grade = st.sampled_from(list(c.Grade))
    country = st.sampled_from(["GB", "FR"])
    place = st.recursive(
        st.builds(c.Place, street=TEXT, country=country, inside=st.none()),
        lambda inner: st.builds(c.Place, street=TEXT, country=country, inside=inner),
        max_leaves=3,
    )
    contact = st.builds(c.ByMail, address=SCALARS["mail"]) | st.builds(
        c.ByPhone, number=st.just("+44 1")
    )
    rule = st.recursive(
        st.builds(c.Below, limit=FLOAT) | st.builds(c.Not, rule=st.none()),
        lambda inner: (
            st.builds(c.Not, rule=inner) | st.builds(c.AllOf, parts=st.lists(inner, max_size=3))
        ),
        max_leaves=4,
    )
    containers = st.builds(
        c.Containers,
        tags=lists(TEXT),
        scores=maps(FLOAT),
        matrix=lists(lists(INT)),
        by_day=maps(lists(st.dates())),
        maybe=st.none() | TEXT,
        maybe_each=lists(st.none() | INT),
        maybe_all=st.none() | lists(INT),
        grade=grade,
        grades=lists(grade),
        place=place,
        places=maps(place),
        contact=contact,
        contacts=lists(contact),
        maybe_contact=st.none() | contact,
        rule=st.none() | rule,
    )
    constrained = st.builds(
        c.Constrained,
        code=st.just("a\"'"),
        count=st.integers(0, 10),
        share=st.just(0.5),
        step=st.just(10),
        amount=st.decimals(0, 10**6),
        names=st.just(["a"]),
        limits=st.just({"": 0}),
        nickname=st.none() | st.just("ab"),
        digest=st.binary(min_size=5, max_size=5),
    )
    defaulted = st.builds(
        c.Defaulted,
        **SCALARS,
        tags=lists(TEXT),
        scores=maps(INT),
        grade=grade,
        grades=lists(grade),
        maybe=st.none() | TEXT,
    )
    return st.one_of(
        st.builds(c.ShortForms, **SCALARS),
        containers,
        constrained,
        defaulted,
        st.builds(c.Private, name=TEXT, birthday=st.none() | st.dates()),
    )


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_is_lost_on_the_way_there_and_back(
    contract: ModuleType, messages: Any, data: st.DataObject
) -> None:
    """Not even an offset, the sign of a zero, or what tells 1 from 1.0: the JSON is the same."""
    event = data.draw(events(contract))

    message = messages.encode(event)
    back = messages.decode(type(event), message.SerializeToString())

    assert back == event
    assert sorted_json(back) == sorted_json(event)
    assert messages.decode(type(event), message) == event


def sorted_json(event: Any) -> str:
    return repr(sort(event.model_dump(mode="json")))


def sort(value: Any) -> Any:
    """Maps have no order."""
    if isinstance(value, dict):
        return [(key, sort(value[key])) for key in sorted(value)]
    return [sort(one) for one in value] if isinstance(value, list) else value


def shortest(c: ModuleType, **changed: Any) -> Any:
    values = {
        "text": "",
        "number": 0,
        "ratio": 0.0,
        "flag": False,
        "price": Decimal(0),
        "key": UUID(int=0),
        "day": date(1, 1, 1),
        "clock": time(0),
        "moment": datetime(1, 1, 1, tzinfo=UTC),
        "span": timedelta(0),
        "blob": b"",
        "mail": "ada@example.com",
        "link": "a:b",
        "anything": None,
    }
    return c.ShortForms(**{**values, **changed})


def test_zeroes_are_values_and_null_in_json_is_one_too(contract: ModuleType, messages: Any) -> None:
    event = shortest(contract, ratio=-0.0)

    back = messages.decode(contract.ShortForms, messages.encode(event))

    assert back == event
    assert math.copysign(1, back.ratio) == -1


def test_a_whole_number_beyond_64_bits_is_refused_by_its_path(
    contract: ModuleType, messages: Any
) -> None:
    with pytest.raises(ProtobufError) as caught:
        messages.encode(shortest(contract, number=2**63))

    assert caught.value.path == ("number",)
    assert str(caught.value).startswith("ShortFormsV1.number: ")


def test_an_unset_field_gets_its_default_and_a_nullable_one_null(
    contract: ModuleType, messages: Any
) -> None:
    message = messages.message_class(contract.Defaulted)()

    event = messages.decode(contract.Defaulted, message)

    given = contract.Defaulted(maybe=None, tags=[], scores={}, grades=[])
    assert event == given


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda m: m.ClearField("grade"), "grade: GradeV1 has no value with the number 0"),
        (lambda m: setattr(m, "grade", 99), "grade: GradeV1 has no value with the number 99"),
        (lambda m: m.ClearField("place"), "place: Field required"),
        (lambda m: m.contact.Clear(), "contact: no kind is set that is known here"),
        (lambda m: m.contacts.add(), "contacts.1: no kind is set"),
        (lambda m: m.by_day["x"].items.append("May"), "by_day.x.0: "),
    ],
)
def test_a_message_without_a_valid_value_is_refused_by_its_path(
    contract: ModuleType, messages: Any, spoil: Callable[[Any], None], where: str
) -> None:
    message = messages.encode(containers(contract))
    spoil(message)

    with pytest.raises(ProtobufError, match=r"^Conta") as caught:
        messages.decode(contract.Containers, message)

    assert where in str(caught.value)


def containers(c: ModuleType) -> Any:
    home = c.Place(country="GB")
    mail = c.ByMail(address="ada@example.com")
    return c.Containers(
        tags=[],
        scores={},
        matrix=[],
        by_day={"x": []},
        maybe_each=[None],
        grade=c.Grade.LOW,
        grades=[],
        place=home,
        places={"": home},
        contact=mail,
        contacts=[mail],
    )


def test_bytes_that_are_no_message_are_refused(contract: ModuleType, messages: Any) -> None:
    with pytest.raises(ProtobufError, match="no such message"):
        messages.decode(contract.ShortForms, b"\xff\xff")


def recorded(event: Any) -> RecordedEvent:
    return RecordedEvent(
        stream="readings",
        offset=7,
        id=UUID(int=1),
        name=event.event_name,
        version=event.event_version,
        workflow="Reading",
        workflow_id="r-1",
        workflow_version=3,
        recorded_at=datetime(2026, 1, 31, 12, 30, 0, 1, tzinfo=UTC),
        data=event.model_dump_json().encode(),
        metadata=Metadata(
            command="Measure", occurred_at=datetime(2020, 2, 29, 1, 2, 3, 4, tzinfo=UTC)
        ),
    )


def test_an_envelope_carries_all_that_is_recorded(contract: ModuleType, messages: Any) -> None:
    event = containers(contract)

    envelope = messages.wrap(recorded(event), event).SerializeToString()

    assert messages.unwrap(contract.Containers, envelope) == (recorded(event), event)
    with pytest.raises(ProtobufError, match=r"it holds measure_service.v1.ContainersV1, not"):
        messages.unwrap(contract.Private, envelope)


def test_a_command_has_its_message(contract: ModuleType, messages: Any) -> None:
    command = contract.Measure(text="x")

    assert messages.decode(contract.Measure, messages.encode(command)) == command


PROGRAM = """
import importlib, sys
package = importlib.import_module("generated.measure_service")
assert not [name for name in sys.modules if name.startswith(("google", "grpc"))]
sys.path.insert(0, "other")
other = importlib.import_module("client.measure_service")
event = other.Private(name="Ada", birthday=None, nickname="ad")
ours, theirs = (importlib.import_module(f"{one.__name__}.pb").messages for one in (package, other))
data = theirs.encode(event).SerializeToString()
assert theirs.decode(other.Private, data) == event
assert ours.decode(package.Private, data) == package.Private(name="Ada", birthday=None)
"""


def test_packages_of_one_service_of_different_days_are_loaded_in_one_process(
    tmp_path: Path,
) -> None:
    """Importing one imports no protobuf; a reader passes over the field that it doesn't know."""
    from headwater_generator import generate

    spec = (GOLDEN / "every-field-type" / "spec" / "measure_service.yaml").read_text()
    changed = spec.replace(
        "birthday: {type: date | null, personal: true}",
        "birthday: {type: date | null, personal: true}\n          nickname: string",
    )
    assert changed != spec
    for text, out in ((spec, "generated"), (changed, "other/client")):
        root = tmp_path / "made" / out.replace("/", "-")
        (root / "spec").mkdir(parents=True)
        (root / "spec" / "measure_service.yaml").write_text(text)
        (root / "pyproject.toml").write_text("[tool.headwater]\n")
        generate(root, out=Path(out))
        shutil.copytree(root / out, tmp_path / out)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=tmp_path,
        env={"PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
