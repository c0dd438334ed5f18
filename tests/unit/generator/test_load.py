"""YAML to nodes: what is accepted, and where things stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from headwater_generator.load import (
    MAX_DEPTH,
    Mapping,
    Place,
    Scalar,
    Sequence,
    Source,
    load,
    read_sources,
)
from headwater_generator.problems import Problem


def loaded(text: str) -> Mapping:
    problems: list[Problem] = []
    node = load(Source("spec.yaml", text), problems)
    assert problems == []
    assert node is not None
    return node


def place(node: Place | None) -> tuple[int, int, int]:
    assert node is not None
    return node.line, node.column, node.length


def test_every_node_knows_its_place() -> None:
    node = loaded("a: one\nb:\n  - 'two words'\n  - {c: 日本}\n")

    assert place(node.value("a")) == (1, 4, 3)
    below = node.value("b")
    assert isinstance(below, Sequence)
    assert place(below.items[0]) == (3, 5, 11)
    inner = below.items[1]
    assert isinstance(inner, Mapping)
    assert place(inner.entries[0].key) == (4, 6, 1)
    assert place(inner.value("c")) == (4, 9, 2)


def test_quotes_are_remembered() -> None:
    node = loaded("a: no\nb: 'no'\nc: |\n  no\n")

    plain = [entry.value.plain for entry in node.entries if isinstance(entry.value, Scalar)]
    assert plain == [True, False, False]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_count_alike_whatever_ends_them(end: str) -> None:
    node = loaded(f"a: 1{end}{end}b: 2{end}")

    assert place(node.value("b")) == (3, 4, 1)
    assert node.source.lines[2] == "b: 2"


def test_a_mark_of_utf_8_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")

    [source] = read_sources(tmp_path / "spec.yaml", tmp_path)

    assert place(loaded(source.text).entries[0].key) == (1, 1, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_merge_conflict_is_told_at_each_of_its_beginnings(end: str) -> None:
    sides = ["<" * 7 + " HEAD", "a: 1", "=" * 7, "a: 2", ">" * 7 + " theirs"]
    problems: list[Problem] = []

    assert load(Source("spec.yaml", end.join(["x: 1", *sides, *sides])), problems) is None

    told = [(problem.code, problem.line, problem.message) for problem in problems]
    message = "a merge conflict; resolve it first"
    assert told == [("HW003", 2, message), ("HW003", 7, message)]


def test_an_underlined_heading_in_a_text_is_no_merge_conflict() -> None:
    loaded("description: |\n  Users\n  =======\n  >>>>>>> and so on\n")


def test_joiners_of_scripts_and_emoji_are_accepted() -> None:
    loaded("a: '\u0646\u200c\u0647 and 👩\u200d💻'\n")


def test_nesting_up_to_the_limit_is_accepted() -> None:
    depth = MAX_DEPTH - 1  # the mapping is one level itself

    loaded(f"a: {'[' * depth}{']' * depth}\n")


def test_json_is_accepted() -> None:
    assert [
        entry.key.text for entry in loaded('{"a": [1, {"b": null}], "c": "\\u00e9"}').entries
    ] == [
        "a",
        "c",
    ]
