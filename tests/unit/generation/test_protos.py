"""Protos: what buf says about them, and how numbers are given."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from headwater_generator.check import load_specs
from headwater_generator.model.numbers import NO_NUMBERS, assign
from headwater_generator.problems import Problem, SpecError
from headwater_generator.versioning import begin_version, release_drafts

from .conftest import Project

ROOT = Path(__file__).parents[3]
PROTOS = sorted(
    path.parent
    for pattern in (
        "generated/*/proto/buf.yaml",
        "tests/golden/*/expected/generated/*/proto/buf.yaml",
    )
    for path in ROOT.glob(pattern)
)
BUF = Path(sys.executable).with_name("buf")
PROTOC = (sys.executable, "-m", "grpc_tools.protoc")


@pytest.mark.parametrize("folder", PROTOS, ids=lambda path: path.parent.name)
def test_buf_has_nothing_to_say_about_them(folder: Path) -> None:
    done = subprocess.run([BUF, "lint", folder], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


NAMES = ("a", "a1", "a_1", "ab", "a_b", "a1b", "a_1b", "a1_b", "a_1_b")


@pytest.mark.parametrize(("one", "other"), [*combinations(NAMES, 2)])
def test_names_are_refused_if_protoc_would_refuse_them(
    one: str, other: str, tmp_path: Path
) -> None:
    """Fields, and values of an enum: HW309 is said of those two, and of no others."""
    (tmp_path / "spec.yaml").write_text(
        "headwater: 1\nservice: shop\ntypes:\n"
        f"  State: {{enum: [{one}, {other}]}}\n  Item: {{fields: {{{one}: int, {other}: int}}}}\n"
    )
    values = "".join(f"STATE_V1_{name.upper()} = {n}; " for n, name in enumerate((one, other), 1))
    (tmp_path / "enum.proto").write_text(
        f'syntax = "proto3";\nenum StateV1 {{ STATE_V1_UNSPECIFIED = 0; {values}}}\n'
    )
    (tmp_path / "message.proto").write_text(
        f'syntax = "proto3";\nmessage ItemV1 {{ int64 {one} = 1; int64 {other} = 2; }}\n'
    )
    problems: tuple[Problem, ...] = ()
    try:
        load_specs([tmp_path / "spec.yaml"], tmp_path)
    except SpecError as error:
        problems = error.problems

    compiled = {
        line: subprocess.run(
            [*PROTOC, f"-I{tmp_path}", f"--descriptor_set_out={tmp_path}/out", file],
            capture_output=True,
            cwd=tmp_path,
            check=False,
        ).returncode
        for line, file in ((4, "enum.proto"), (5, "message.proto"))
    }

    assert {(one.code, one.line) for one in problems} == {
        ("HW309", line) for line, status in compiled.items() if status
    }


def test_numbers_begin_at_one_in_the_order_of_the_spec() -> None:
    numbers = assign({"b": "string", "a": "int64"})

    assert (numbers.numbers, numbers.next_number) == ({"b": 1, "a": 2}, 3)


def test_a_name_keeps_its_number_wherever_it_stands_and_whatever_joins_it() -> None:
    before = assign({"b": "string", "a": "int64"})

    after = assign({"c": "bool", "a": "int64", "b": "string"}, before)

    assert after.numbers == {"c": 3, "a": 2, "b": 1}
    assert after.reserved_numbers == ()


def test_what_goes_leaves_number_and_name_reserved_for_ever() -> None:
    first = assign({"a": "string", "b": "string"})
    second = assign({"a": "string"}, first)

    third = assign({"a": "string", "c": "string"}, second)

    assert (second.reserved_numbers, second.reserved_names, second.next_number) == ((2,), ("b",), 3)
    assert (third.numbers["c"], third.reserved_numbers, third.reserved_names) == (3, (2,), ("b",))


def test_a_name_that_comes_back_gets_another_number() -> None:
    without = assign({"a": "string"}, assign({"a": "string", "b": "string"}))

    again = assign({"a": "string", "b": "string"}, without)

    assert (again.numbers["b"], again.reserved_numbers, again.reserved_names) == (3, (2,), ())


def test_another_type_under_a_name_gets_another_number() -> None:
    after = assign({"a": "int64"}, assign({"a": "string"}))

    assert (after.numbers, after.reserved_numbers, after.reserved_names) == ({"a": 2}, (1,), ())


def test_a_renamed_field_takes_its_number_along_and_leaves_its_name_reserved() -> None:
    after = assign({"email": "string"}, assign({"mail": "string"}), {"email": "mail"})

    assert (after.numbers, after.reserved_names) == ({"email": 1}, ("mail",))


def test_the_numbers_that_protobuf_keeps_for_itself_are_passed_over() -> None:
    many = assign({f"f{place}": "" for place in range(19_000)}, NO_NUMBERS)

    assert many.numbers["f18998"] == 18_999
    assert many.numbers["f18999"] == 20_000


EVENT = "      UserSeen: {fields: {at: datetime, kind: Kind}}\n"
HISTORY = (  # what the rules allow, one release after the other
    ("name: string}, emits", "name: string, note: string | null}, emits"),
    ("name: string, note", "name: string | null, note"),
    ("      UserRemoved:", f"{EVENT}      UserRemoved:"),
    ("[app, web]}", "[app, web]}\n  Unused: {fields: {a: int}}"),
    ("null}, emits", "null, kind: {type: Kind, default: app}}, emits"),
    ("name: string | null, note", "note"),
)


def release_all(project: Project) -> None:
    project.generate()
    release_drafts(project.root)


def breaking(before: Path, after: Path) -> str:
    done = subprocess.run(
        [BUF, "breaking", after, "--against", before], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


@pytest.fixture
def evolving(project: Project) -> Project:
    project.change("streams:", "types:\n  Kind: {enum: [app, web]}\nstreams:")
    release_all(project)
    return project


def test_buf_finds_no_break_in_a_history_of_edits_that_are_allowed(
    evolving: Project, tmp_path: Path
) -> None:
    protos = evolving.package / "proto"
    states = [shutil.copytree(protos, tmp_path / "before-0")]
    for number, (old, new) in enumerate(HISTORY, 1):
        evolving.change(old, new)
        release_all(evolving)
        states.append(shutil.copytree(protos, tmp_path / f"before-{number}"))
    begin_version(evolving.root, "Kind")
    begin_version(evolving.root, "UserAdded")
    evolving.change("Kind: {enum: [app, web], history", "Kind: {enum: [app, web, tv], history")
    release_all(evolving)
    states.append(shutil.copytree(protos, tmp_path / "before-last"))

    for before in states:
        assert breaking(before, states[-1]) == ""
    events = (protos / "user_service" / "v1" / "events.proto").read_text()
    assert "message UserAddedV2" in events
    assert "KindV2 kind" in events
    assert 'reserved "name";' in (protos / "user_service" / "v1" / "commands.proto").read_text()


def test_buf_finds_another_type_under_the_name_of_a_commands_field(
    evolving: Project, tmp_path: Path
) -> None:
    before = shutil.copytree(evolving.package / "proto", tmp_path / "before")
    evolving.change("{user_id: int, name: string}, emits", "{user_id: int, name: int}, emits")
    evolving.generate()

    assert "name" in breaking(before, evolving.package / "proto")
