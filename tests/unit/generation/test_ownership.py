"""Who owns which file, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headwater_generator.problems import SpecError
from headwater_generator.publish import plan
from headwater_generator.version import VERSION

if TYPE_CHECKING:
    from .conftest import Project


def codes(error: pytest.ExceptionInfo[SpecError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_a_second_run_writes_nothing_and_keeps_every_byte_and_time(project: Project) -> None:
    project.generate()
    before = project.files()
    times = {path: path.stat().st_mtime_ns for path in project.package.rglob("*")}

    report = project.generate()

    assert (report.written, report.created, report.removed) == ((), (), ())
    assert project.files() == before
    assert {path: path.stat().st_mtime_ns for path in project.package.rglob("*")} == times


def test_only_what_changed_is_written(project: Project) -> None:
    project.generate()

    project.change("name: string}}", "name: string, note: string}}")
    report = project.generate()

    assert report.written == (
        "generated/user_service/asyncapi.yaml",
        "generated/user_service/events.py",
        "generated/user_service/manifest.json",
        "generated/user_service/migrations/index.json",
        "generated/user_service/migrations/revision_draft.py",
        "generated/user_service/pb/events_pb2.py",
        "generated/user_service/pb/events_pb2.pyi",
        "generated/user_service/proto/user_service/v1/events.proto",
        "generated/user_service/schemas/UserAdded.v1.json",
        "generated/user_service/schemas/index.json",
        "spec/lock/user_service/UserAdded.lock.json",
    )


def test_the_manifest_has_one_sorted_line_a_file_and_tells_the_owners_apart(
    project: Project,
) -> None:
    project.generate()

    text = (project.package / "manifest.json").read_text()
    files = json.loads(text)["files"]
    paths = [file["path"] for file in files]
    assert paths == sorted(paths)
    assert sum(line.startswith('    {"path": ') for line in text.splitlines()) == len(files)
    owners = {file["path"]: file["owner"] for file in files}
    assert owners["generated/user_service/events.py"] == "generated"
    assert owners["services/user_service/handlers/add_user.py"] == "scaffold"
    on_disk = {name for name in project.files() if name.startswith(("generated", "services"))}
    assert set(paths) == on_disk - {"generated/user_service/manifest.json"}


def test_a_file_that_is_no_longer_generated_is_removed(project: Project) -> None:
    project.generate()

    project.change("      UserRemoved: {terminal: true, fields: {user_id: int}}\n", "")
    report = project.generate()

    assert report.removed == (
        "generated/user_service/schemas/UserRemoved.v1.json",
        "spec/lock/user_service/UserRemoved.lock.json",
    )
    assert not (project.package / "schemas" / "UserRemoved.v1.json").exists()


def test_a_hand_edited_file_stops_the_run_before_anything_is_written(project: Project) -> None:
    project.generate()
    events = project.package / "events.py"
    events.write_text(events.read_text() + "\nMINE = 1\n")
    project.change("user_id: int, name: string}}", "user_id: int}}")
    before = project.files()

    with pytest.raises(SpecError) as error:
        project.generate()

    assert codes(error) == ["HW701"]
    assert "git checkout" in str(error.value)
    assert project.files() == before


def test_a_hand_edited_file_that_is_no_longer_generated_stops_the_run_too(
    project: Project,
) -> None:
    project.generate()
    (project.package / "schemas" / "UserRemoved.v1.json").write_text("{}")
    project.change("      UserRemoved: {terminal: true, fields: {user_id: int}}\n", "")

    with pytest.raises(SpecError) as error:
        project.generate()

    assert codes(error) == ["HW701"]


def test_a_deleted_hand_edit_is_the_way_out(project: Project) -> None:
    project.generate()
    events = project.package / "events.py"
    original = events.read_bytes()
    events.write_text("edited")
    events.unlink()

    project.generate()

    assert events.read_bytes() == original


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"<<<<<<< HEAD\n" + content + b"=======\n>>>>>>> theirs\n",
        lambda content: b"",
        lambda content: b"\0" * len(content),
    ],
    ids=["other line ends", "conflict markers", "empty", "zeroes of a lost write"],
)
def test_damage_is_no_edit_and_is_mended(project: Project, damage: object) -> None:
    project.generate()
    events = project.package / "events.py"
    original = events.read_bytes()
    events.write_bytes(damage(original))  # type: ignore[operator]

    project.generate()

    assert events.read_bytes() == original


def test_a_file_that_headwater_did_not_make_is_in_the_way(project: Project) -> None:
    project.package.mkdir(parents=True)
    (project.package / "events.py").write_text("MINE = 1\n")

    with pytest.raises(SpecError) as error:
        project.generate()

    assert codes(error) == ["HW702"]
    assert (project.package / "events.py").read_text() == "MINE = 1\n"
    assert not (project.package / "types.py").exists()


@pytest.mark.parametrize("loss", ["missing", "conflict", "garbage"])
def test_a_lost_manifest_is_made_again(project: Project, loss: str) -> None:
    project.generate()
    manifest = project.package / "manifest.json"
    original = manifest.read_bytes()
    match loss:
        case "missing":
            manifest.unlink()
        case "conflict":
            ours = original.replace(b'"sha256": "', b'"sha256": "0')
            manifest.write_bytes(b"<<<<<<< a\n" + ours + b"=======\n" + original + b">>>>>>> b\n")
        case _:
            manifest.write_bytes(b"\x00\xff garbage")
    project.change("name: string}}", "name: string, note: string}}")

    project.generate()

    assert json.loads(manifest.read_bytes())["generator"] == VERSION
    assert b"note" in (project.package / "events.py").read_bytes()
    assert project.generate(check=True).findings == ()


def test_an_older_generator_refuses(project: Project) -> None:
    project.generate()
    manifest = project.package / "manifest.json"
    newer = manifest.read_text().replace(f'"generator": "{VERSION}"', '"generator": "999.1"')
    manifest.write_text(newer)

    with pytest.raises(SpecError) as error:
        project.generate()

    assert codes(error) == ["HW703"]
    assert "999.1" in str(error.value)
    assert manifest.read_text() == newer


def test_a_package_of_an_older_generator_is_brought_up_to_date(project: Project) -> None:
    project.generate()
    manifest = project.package / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"{VERSION}"', '"0.0.9"'))

    assert project.generate().written == ("generated/user_service/manifest.json",)


def test_a_stub_is_never_overwritten(project: Project) -> None:
    project.generate()
    stub = project.handlers / "add_user.py"
    stub.write_text("mine\n")

    project.change("name: string}, emits", "name: string, note: string}, emits")
    report = project.generate()

    assert stub.read_text() == "mine\n"
    assert report.created == ()


def test_a_stub_that_was_there_before_the_first_run_is_kept(project: Project) -> None:
    project.handlers.mkdir(parents=True)
    (project.handlers / "add_user.py").write_text("mine\n")

    report = project.generate()

    assert (project.handlers / "add_user.py").read_text() == "mine\n"
    assert "services/user_service/handlers/add_user.py" not in report.created


def test_a_recorded_stub_is_not_created_again(project: Project) -> None:
    project.generate()
    (project.handlers / "add_user.py").unlink()

    report = project.generate()

    assert report.created == ()
    assert not (project.handlers / "add_user.py").exists()


@pytest.mark.parametrize("name", ["add_user", "AddUser"])
def test_stubs_makes_one_again_by_function_or_command(project: Project, name: str) -> None:
    project.generate()
    stub = project.handlers / "add_user.py"
    original = stub.read_bytes()
    stub.unlink()

    report = project.generate(stubs=[name])

    assert report.created == ("services/user_service/handlers/add_user.py",)
    assert stub.read_bytes() == original


def test_stubs_refuses_to_overwrite_and_names_the_nearest_handler(project: Project) -> None:
    project.generate()

    with pytest.raises(SpecError) as error:
        project.generate(stubs=["add_user", "add_usr"])

    assert codes(error) == ["HW707", "HW708"]
    assert 'did you mean "add_user"?' in str(error.value)


REMOVALS = """\
  RemoveUser: {continues: User, by: user_id, fields: {user_id: int}, validate: true}
subscriptions:"""


def test_growth_is_one_note_a_file_with_all_lines_to_paste(project: Project) -> None:
    project.generate()

    project.change("subscriptions:", REMOVALS)
    report = project.generate()

    folder = "services/user_service/handlers"
    assert report.created == (f"{folder}/remove_user.py", f"{folder}/validate_remove_user.py")
    [note] = report.notes
    assert (note.kind, note.path) == ("grown", f"{folder}/__init__.py")
    assert note.message == "does not import 2 functions"
    assert note.paste.splitlines() == [
        "from .remove_user import remove_user",
        "from .validate_remove_user import validate_remove_user",
        '# and into __all__: "remove_user", "validate_remove_user",',
    ]
    init = project.handlers / "__init__.py"
    init.write_text(init.read_text() + f"\n{note.paste}\n")
    assert project.generate().notes == ()


def test_growth_says_nothing_of_a_list_of_names_that_is_not_there(project: Project) -> None:
    project.generate()
    (project.handlers / "__init__.py").write_text("from .audit import audit\n")

    [note] = project.generate().notes

    assert note.paste == "from .add_user import add_user"


def test_growth_pastes_the_function_where_its_stub_is_not_there(project: Project) -> None:
    project.generate()
    (project.handlers / "__init__.py").write_text("from .audit import audit\n")
    (project.handlers / "add_user.py").unlink()

    [note] = project.generate().notes

    assert note.message == "does not import 1 function"
    assert note.paste.startswith("from .add_user import add_user\n\n# add_user.py\n")
    assert "async def add_user(" in note.paste


@pytest.mark.parametrize("check", [False, True])
def test_a_deleted_stub_that_is_still_imported_is_reported(project: Project, check: bool) -> None:
    project.generate()
    (project.handlers / "add_user.py").unlink()

    [note] = project.generate(check=check).notes

    assert (note.kind, note.path) == ("deleted", "services/user_service/handlers/add_user.py")
    assert note.message == "deleted; headwater generate --stubs add_user makes it again"
    project.generate(stubs=["add_user"])
    assert project.generate().notes == ()


def test_a_stub_that_became_a_package_is_not_called_deleted(project: Project) -> None:
    project.generate()
    stub = project.handlers / "add_user.py"
    package = project.handlers / "add_user"
    package.mkdir()
    stub.rename(package / "__init__.py")

    assert project.generate().notes == ()


def test_growth_pastes_the_function_where_a_team_keeps_one_module(project: Project) -> None:
    module = project.handlers.with_suffix(".py")
    module.parent.mkdir(parents=True)
    module.write_text("async def audit(event, context): ...\n")

    report = project.generate()

    assert not project.handlers.exists()
    [note] = report.notes
    assert note.path == "services/user_service/handlers.py"
    assert note.message == "lacks 1 function"
    assert "async def add_user(" in note.paste
    assert "workflow.emit(" in note.paste


def test_names_that_cannot_be_told_are_not_called_missing() -> None:
    assert plan.bound_names(b"from .all import *\n") is None
    assert plan.bound_names(b"def broken(:\n") is None
    assert plan.bound_names(b"import a.b\nfrom c import d as e\nf = 1\ndef g(): ...\n") == {
        "a",
        "e",
        "f",
        "g",
    }


def test_an_orphaned_stub_is_reported_and_kept_until_it_is_deleted(project: Project) -> None:
    project.generate()
    stub = project.handlers / "audit.py"

    project.change("subscriptions:\n  audit: {stream: users, mode: exclusive}\n", "")
    report = project.generate()

    assert [note.path for note in report.notes] == ["services/user_service/handlers/audit.py"]
    assert stub.exists()
    assert [note.kind for note in project.generate().notes] == ["orphaned"]
    stub.unlink()
    assert project.generate().notes == ()


def test_a_renamed_service_takes_its_old_package_along(project: Project) -> None:
    project.generate()

    project.change("service: user-service", "service: people")
    report = project.generate()

    assert not project.package.exists()
    assert (project.root / "generated" / "people" / "events.py").exists()
    assert "generated/user_service/events.py" in report.removed
    assert "services/user_service/handlers/add_user.py" in [note.path for note in report.notes]
    assert (project.handlers / "add_user.py").exists()


def test_a_service_that_this_run_is_not_about_is_left_alone(project: Project) -> None:
    project.generate()
    other = project.root / "spec" / "other.yaml"
    other.write_text("headwater: 1\nservice: other\nstreams: {log: {type: persistent}}\n")

    project.generate(specs=[Path("spec/other.yaml")])

    assert (project.package / "events.py").exists()
    assert (project.root / "generated" / "other" / "service.py").exists()


def test_a_symbolic_link_out_of_the_declared_folders_is_not_followed(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    project.package.parent.mkdir()
    project.package.symlink_to(outside, target_is_directory=True)

    with pytest.raises(SpecError) as error:
        project.generate()

    assert set(codes(error)) == {"HW705"}
    assert list(outside.iterdir()) == []


def test_a_link_in_place_of_a_stub_folder_is_not_followed(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    project.handlers.parent.mkdir(parents=True)
    project.handlers.symlink_to(outside, target_is_directory=True)

    with pytest.raises(SpecError) as error:
        project.generate()

    assert set(codes(error)) == {"HW705"}
    assert list(outside.iterdir()) == []


def test_a_manifest_reaches_only_its_own_folder(project: Project) -> None:
    """Whoever can write a manifest must not be able to have other files removed."""
    project.generate()
    precious = project.root / "precious.txt"
    precious.write_text("")
    manifest = project.package / "manifest.json"
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    entries = "".join(
        f'    {{"path": "{path}", "owner": "generated", "sha256": "{empty}"}},\n'
        for path in ("precious.txt", "generated/user_service/../../precious.txt")
    )
    manifest.write_text(manifest.read_text().replace('"files": [\n', f'"files": [\n{entries}'))

    project.generate()

    assert precious.exists()
    assert "precious" not in manifest.read_text()


@pytest.mark.parametrize(
    ("damage", "code", "name"),
    [
        (lambda p: p.change("name: string}}", "name: string, x: int}}"), "HW710", "events.py"),
        (lambda p: (p.package / "events.py").unlink(), "HW711", "events.py"),
        (lambda p: (p.package / "notes.txt").write_text("mine"), "HW712", "notes.txt"),
        (lambda p: (p.package / "events.py").write_text("edited = 1"), "HW701", "events.py"),
        (lambda p: (p.package / "manifest.json").unlink(), "HW710", "manifest.json"),
    ],
    ids=["changed", "missing", "extra", "hand-edited", "manifest"],
)
def test_check_tells_apart_and_writes_nothing(
    project: Project, damage: object, code: str, name: str
) -> None:
    project.generate()
    damage(project)  # type: ignore[operator]
    before = {path: path.stat().st_mtime_ns for path in project.root.rglob("*")}

    findings = project.generate(check=True).findings

    found = {(problem.code, problem.file) for problem in findings}
    assert (code, f"generated/user_service/{name}") in found
    assert {problem.code for problem in findings} == {code}
    assert {path: path.stat().st_mtime_ns for path in project.root.rglob("*")} == before


def test_check_calls_extra_what_an_earlier_run_made(project: Project) -> None:
    project.generate()
    project.change("      UserRemoved: {terminal: true, fields: {user_id: int}}\n", "")

    findings = project.generate(check=True).findings

    assert ("HW712", "generated/user_service/schemas/UserRemoved.v1.json") in {
        (problem.code, problem.file) for problem in findings
    }


def test_check_leaves_nothing_in_a_folder_that_was_never_generated(project: Project) -> None:
    findings = project.generate(check=True).findings

    assert {problem.code for problem in findings} == {"HW711"}
    assert sorted(path.name for path in project.root.iterdir()) == ["pyproject.toml", "spec"]
