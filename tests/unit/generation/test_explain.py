"""An event explained: each op on a sample, what holds and what is lost, readers and files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from headwater_generator.verbs.explain import run

ROOT = Path(__file__).parents[3]

SPEC = """
headwater: 1
service: shop
types:
  Item: {fields: {sku: string, weight: string}}
  State: {enum: [open, paid]}
streams: {orders: {type: persistent}}
workflows:
  Order:
    stream: orders
    events:
      OrderPlaced:
        fields: {number: int, item: Item, placed_at: datetime, tags: list<string>, state: State}
        upcast:
          - convert: {number: string_to_int}
          - in: {field: item, do: [rename: {id: sku}, convert: {weight: int_to_string}]}
          - from_envelope: {placed_at: time}
          - wrap: {field: tags}
          - map_enum: {field: state, values: {new: open}}
          - drop: [note]
        history:
          1:
            fields:
              number: string
              item: Item@1
              tags: string
              state: State@1
              note: string
      OrderGone: {terminal: true}
"""
TYPES = {
    "  Item: {fields: {sku: string, weight: string}}": "  Item: {fields: {sku: string, weight: "
    "string}, history: {1: {fields: {id: string, weight: int}}}}",
    "  State: {enum: [open, paid]}": "  State: {enum: [open, paid], history: {1: {enum: [new, "
    "paid]}}}",
}


Explain = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    text = SPEC
    for old, new in TYPES.items():
        text = text.replace(old, new)
    (tmp_path / "pyproject.toml").write_text("[tool.headwater]\n")
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "shop.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sample_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str]) -> Explain:
    """Explain an event that there is, as programs read it."""

    def explain_event(what: str) -> Any:
        assert run([what, "--format", "json"]) == 0
        [one] = json.loads(capsys.readouterr().out)["explanations"]
        return one

    return explain_event


def ops(explained: Any) -> dict[str, Any]:
    return {op["op"].split()[0]: op for hop in explained["hops"] for op in hop["ops"]}


@pytest.mark.usefixtures("sample_service")
def test_it_shows_what_each_op_makes_of_a_sample_and_what_is_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["UserAdded@1..2"]) == 0

    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.startswith(
        """\
UserAdded@1..2 of user-service
  version 1: {"user_id": 1, "name": "first_name last_name"}
  1 to 2
    split {field: name, into: [first_name, last_name], sep: " "}
      - name: "first_name last_name"
      + first_name: "first_name"
      + last_name: "last_name"
      up-safe   no: name: " " at its end
      down-safe no: first_name: where it contains " "
"""
    )
    for line in (
        '      + email: "user1@unknown.example"',
        '      down-safe no: channel: every value but "import"',
        "    user-analytics at 3",
        "    legacy-directory, pinned at 1",
        "    upcasting.py: user_added_v1_to_v2",
        "    test_upcasting.py: TestUserAdded",
    ):
        assert f"{line}\n" in told.out


@pytest.mark.usefixtures("sample_service")
@pytest.mark.parametrize(
    ("asked", "way"),
    [
        ("UserAdded", (1, 3)),
        ("UserAdded@1", (1, 3)),
        ("UserAdded@2", (2, 3)),
        ("UserAdded@3", (3, 3)),
        ("UserAdded@1..3", (1, 3)),
        ("UserAdded@3..1", (3, 1)),
        ("UserAdded@2..2", (2, 2)),
        ("UserRemoved", (1, 1)),
    ],
)
def test_versions_that_are_not_named_are_the_first_and_the_head(
    asked: str, way: tuple[int, int], explain: Explain
) -> None:
    told = explain(asked)

    assert (told["from"], told["to"]) == way
    assert len(told["hops"]) == abs(way[1] - way[0])


@pytest.mark.usefixtures("sample_service")
@pytest.mark.parametrize("asked", ["UserAdded@1..3", "UserAdded@2..1", "UserAdded@2"])
def test_the_sample_arrives_as_the_service_would_bring_it(asked: str, explain: Explain) -> None:
    from generated.user_service import user_service

    told = explain(asked)

    way = (told["from"], told["to"])
    assert told["hops"][-1]["sample"] == user_service.registry.upcast(
        "UserAdded", told["sample"], *way
    )


@pytest.mark.usefixtures("sample_service")
@pytest.mark.parametrize("asked", ["UserAdded", "UserAdded@3..1", "UserInvited"])
def test_the_files_are_there_and_have_what_is_said_to_be_in_them(
    asked: str, explain: Explain
) -> None:
    files = explain(asked)["files"]

    assert len(files) > 4
    for file in files:
        text = (ROOT / file["path"]).read_text(encoding="utf-8")
        assert all(name in text for name in file["names"])


def test_ops_of_each_kind_show_on_the_sample(project: Path, explain: Explain) -> None:
    """A text that becomes a number is one, and an object's fields are told by their paths."""
    told = ops(explain("OrderPlaced"))

    assert told["convert"]["changes"] == [{"field": "number", "before": "1", "after": 1}]
    assert told["in"]["changes"] == [
        {"field": "item.id", "before": "id"},
        {"field": "item.weight", "before": 1, "after": "1"},
        {"field": "item.sku", "after": "id"},
    ]
    assert told["from_envelope"]["changes"] == [
        {"field": "placed_at", "after": "2024-05-01T12:00:00Z"}
    ]
    assert told["wrap"]["changes"] == [{"field": "tags", "before": "tags", "after": ["tags"]}]
    assert told["map_enum"]["changes"] == [{"field": "state", "before": "new", "after": "open"}]
    assert told["drop"]["changes"] == [{"field": "note", "before": "note"}]


def test_what_cannot_go_and_a_way_that_is_not_there_are_told(
    project: Path, explain: Explain, capsys: pytest.CaptureFixture[str]
) -> None:
    up, down = explain("OrderPlaced@1..2"), explain("OrderPlaced@2..1")

    assert up["no_way"] is None
    assert [one["field"] for one in up["refused"]] == ["number"]
    assert (up["up_safe"], up["down_safe"]) == (False, False)
    assert {one["field"] for one in up["up_losses"]} >= {"note"}
    assert down["no_way"].startswith("from version 2 to 1: drop [note] cannot be undone")
    assert down["hops"][0]["sample"] is None
    assert all("no way down" in op["not_shown"] for op in ops(down).values())
    assert run(["OrderPlaced@2..1"]) == 0
    assert "  no way from version 2 to 1: drop [note] cannot be undone" in capsys.readouterr().out


def test_functions_of_the_teams_own_are_not_run(
    project: Path, explain: Explain, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way goes on with a sample of the version that they lead to."""
    spec = project / "spec" / "shop.yaml"
    spec.write_text(
        "headwater: 1\nservice: shop\nstreams: {orders: {type: persistent}}\nworkflows:\n"
        "  Order:\n    stream: orders\n    events:\n      OrderPlaced:\n"
        "        fields: {word: string}\n        upcast: [rename: {text: word}]\n"
        "        history:\n"
        "          1: {fields: {texts: list<string>}}\n"
        "          2: {fields: {text: string}, upcast: [custom: {up: joined}]}\n"
    )
    (project / "spec" / "upcasts").mkdir()
    (project / "spec" / "upcasts" / "shop.py").write_text(
        "from typing import Any\n\n\n"
        "def joined(data: dict[str, Any]) -> dict[str, Any]:\n"
        '    return {"text": "".join(data["texts"])}\n'
    )

    told = ops(explain("OrderPlaced"))

    assert told["custom"]["not_shown"] == "joined() is your own, and not run here"
    assert told["custom"]["up_losses"] == [
        {"field": "all fields", "what": "what the functions make of them"}
    ]
    assert told["rename"]["changes"] == [
        {"field": "text", "before": "text"},
        {"field": "word", "after": "text"},
    ]
    assert run(["OrderPlaced"]) == 0
    assert "      not shown: joined() is your own, and not run here\n" in capsys.readouterr().out


def test_a_hop_without_ops_says_what_became_wider(
    project: Path, explain: Explain, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = project / "spec" / "shop.yaml"
    spec.write_text(
        "headwater: 1\nservice: shop\nstreams: {orders: {type: persistent}}\nworkflows:\n"
        "  Order:\n    stream: orders\n    events:\n      OrderPlaced:\n"
        "        fields: {count: int | null}\n"
        "        history: {1: {fields: {count: int}}}\n"
    )

    [hop] = explain("OrderPlaced")["hops"]

    assert hop["ops"] == []
    assert (hop["up_safe"], hop["down_safe"]) == (False, False)
    assert [one["field"] for one in hop["obstacles"]] == ["count"]
    assert run(["OrderPlaced@2..1"]) == 0
    assert "no way from version 2 to 1: count became wider" in capsys.readouterr().out


def test_every_service_that_has_the_event_is_told_of(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "spec" / "bazaar.yaml").write_text(
        "headwater: 1\nservice: bazaar\nstreams: {orders: {type: persistent}}\nworkflows:\n"
        "  Order: {stream: orders, events: {OrderPlaced: {fields: {number: int}}}}\n"
    )

    assert run(["OrderPlaced@1", "--format", "json"]) == 0
    both = json.loads(capsys.readouterr().out)["explanations"]
    assert run(["OrderPlaced@2", "--format", "json"]) == 0
    one = json.loads(capsys.readouterr().out)["explanations"]

    assert [each["service"] for each in both] == ["bazaar", "shop"]
    assert [each["service"] for each in one] == ["shop"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("OrderPlacd", 'spec/shop.yaml:12:7: error[HW907]: no event is called "OrderPlacd"'),
        ("OrderPlacd@1..2", '^ did you mean "OrderPlaced"?'),
        ("OrderPlaced@3", "spec/shop.yaml:12:7: error[HW907]: OrderPlaced has no version 3"),
        ("OrderPlaced@1..9", "^ there is OrderPlaced@1, OrderPlaced@2"),
        ("OrderPlaced@0", "OrderPlaced has no version 0"),
        ("Nothing", "there is OrderPlaced, OrderGone"),
        ("State", '"State" is a type, no event'),
        ("OrderPlaced@", "ask for UserAdded, UserAdded@1 or UserAdded@1..2"),
        ("OrderPlaced@1..", "ask for UserAdded, UserAdded@1 or UserAdded@1..2"),
    ],
)
def test_what_is_not_there_is_an_error_with_its_place(
    asked: str, told: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([asked]) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert told in output.err


def test_programs_are_told_of_the_error_too(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["OrderPlacd", "--format", "json"]) == 2

    output = capsys.readouterr()
    assert "HW907" in output.out
    assert output.err == ""
