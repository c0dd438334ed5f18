"""The lock: what it holds, what it refuses, how branches of it merge, and the next version."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from headwater_generator import generate
from headwater_generator.check import load_specs
from headwater_generator.lock import Accepted, read_lock, render_lock
from headwater_generator.lock.entries import Lock
from headwater_generator.lock.scaffolding import next_event
from headwater_generator.problems import SpecError
from headwater_generator.versioning import begin_version, release_drafts

from .conftest import Project


@pytest.fixture
def released(project: Project) -> Project:
    project.generate()
    release_drafts(project.root)
    return project


def folder(project: Project) -> Path:
    return project.spec.parent / "lock" / "user_service"


def lock_of(project: Project) -> Lock:
    return read_lock(folder(project), project.root)


def codes(project: Project) -> list[str]:
    with pytest.raises(SpecError) as caught:
        project.generate()
    return [problem.code for problem in caught.value.problems]


def test_each_event_has_a_file_and_commands_have_one(project: Project) -> None:
    project.generate()

    names = sorted(path.name for path in folder(project).iterdir())
    assert names == ["UserAdded.lock.json", "UserRemoved.lock.json", "_commands.lock.json"]
    entry = lock_of(project).events["UserAdded"][1]
    assert (entry.status, dict(entry.numbers.numbers)) == ("draft", {"user_id": 1, "name": 2})
    assert entry.sample == {"user_id": 1, "name": "name"}
    assert entry.schema == {
        "fields": {"user_id": {"shape": {"type": "int"}}, "name": {"shape": {"type": "string"}}}
    }


def test_it_lies_beside_a_spec_that_lies_elsewhere(project: Project) -> None:
    project.configure('[tool.headwater]\nspec = "contracts/users.yaml"\n')
    (project.root / "contracts").mkdir()
    project.spec.rename(project.root / "contracts" / "users.yaml")

    project.generate()

    path = project.root / "contracts" / "lock" / "user_service" / "UserAdded.lock.json"
    assert path.is_file()


def test_what_is_read_and_written_again_has_the_same_bytes(released: Project) -> None:
    lock = lock_of(released)

    written = render_lock(lock)

    assert written == {path.name: path.read_bytes() for path in folder(released).iterdir()}


def test_a_draft_changes_freely_and_numbers_begin_anew(project: Project) -> None:
    project.generate()
    project.change("{user_id: int, name: string}}\n", "{full_name: string}}\n")

    project.generate()

    numbers = lock_of(project).events["UserAdded"][1].numbers
    assert (dict(numbers.numbers), numbers.reserved_names) == ({"full_name": 1}, ())


def test_a_check_finds_a_lock_that_is_out_of_date_or_missing(project: Project) -> None:
    project.generate()
    (folder(project) / "UserAdded.lock.json").unlink()
    project.change("{user_id: int}}", "{user_id: int, why: string}}")

    found = {one.file: one.code for one in project.generate(check=True).findings}

    assert found["spec/lock/user_service/UserAdded.lock.json"] == "HW711"
    assert found["spec/lock/user_service/UserRemoved.lock.json"] == "HW710"


def test_the_file_of_an_event_that_was_never_released_goes_with_it(project: Project) -> None:
    project.generate()
    project.change("      UserRemoved: {terminal: true, fields: {user_id: int}}\n", "")

    report = project.generate()

    assert "spec/lock/user_service/UserRemoved.lock.json" in report.removed


def test_releasing_freezes_all_or_those_that_are_named(project: Project) -> None:
    project.generate()

    assert release_drafts(project.root, ["UserAdded"])[:-1] == ("UserAdded@1",)
    assert lock_of(project).events["UserAdded"][1].is_released
    assert not lock_of(project).events["UserRemoved"][1].is_released
    assert release_drafts(project.root)[:-1] == ("UserRemoved@1", "AddUser")
    assert release_drafts(project.root) == ()
    project.generate()
    assert project.generate(check=True).findings == ()


def test_what_prose_says_is_no_change(released: Project) -> None:
    released.change("UserAdded: {", "UserAdded: {description: A user., ")

    released.generate()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{user_id: int, name: string}}\n", "{user_id: int}}\n"),
        ("{user_id: int, name: string}}\n", "{user_id: int, name: string | null}}\n"),
        ("{user_id: int, name: string}}\n", "{name: string, user_id: int}}\n"),
        ("{user_id: int, name: string}}\n", "{user_id: int, name: {type: string, default: x}}}\n"),
        ("      UserAdded: {fields: {user_id: int, name: string}}\n", ""),
    ],
    ids=["gone", "wider", "order", "default", "event"],
)
def test_a_released_version_never_changes(released: Project, old: str, new: str) -> None:
    before = released.files()
    released.change(", emits: [UserAdded]", "")
    released.change(old, new)

    assert set(codes(released)) <= {"HW904", "HW906"}
    after = {name: text for name, text in released.files().items() if not name.endswith(".yaml")}
    assert after.items() <= before.items()


def test_the_error_says_what_to_write_and_that_is_right(released: Project) -> None:
    released.change("      UserAdded: {fields: {user_id", "      UserAdded: {fields: {number")

    with pytest.raises(SpecError) as caught:
        released.generate()

    [problem] = caught.value.problems
    history = problem.hint.partition("fields: history: ")[2]
    assert history == "{1: {fields: {user_id: int, name: string}}}"


def test_commands_change_in_place_and_keep_their_numbers(released: Project) -> None:
    released.change("fields: {user_id: int, name: string}, emits", "fields: {user_id: int}, emits")

    released.generate()

    contract = lock_of(released).commands["AddUser"]
    assert contract.released
    assert contract.draft
    assert dict(contract.released.numbers.numbers) == {"user_id": 1, "name": 2}
    assert contract.draft.numbers.reserved_names == ("name",)
    proto = released.package / "proto" / "user_service" / "v1" / "commands.proto"
    assert 'reserved 2;\n  reserved "name";\n' in proto.read_text()


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def test_branches_that_changed_different_events_merge_without_conflict(released: Project) -> None:
    root = released.root
    released.change("      UserRemoved: {", "\n      # Who goes.\n      UserRemoved: {")
    git(root, "init", "-q", "-b", "main")
    (root / ".gitattributes").write_text("generated/** merge=ours\n")
    git(root, "add", "spec")
    git(root, "commit", "-qm", "released")
    for branch, event in (("one", "UserAdded"), ("two", "UserRemoved")):
        git(root, "checkout", "-q", "-b", branch, "main")
        begin_version(root, event)
        generate(root)
        release_drafts(root)
        git(root, "add", "spec")
        git(root, "commit", "-qm", branch)
    git(root, "merge", "-q", "one")

    generate(root)

    lock = lock_of(released)
    assert {name: sorted(one) for name, one in lock.events.items()} == {
        "UserAdded": [1, 2],
        "UserRemoved": [1, 2],
    }
    assert all(one.is_released for versions in lock.events.values() for one in versions.values())


BLOCK = """\
headwater: 1
service: user-service
streams: {users: {type: persistent}}
workflows:
  User:
    stream: users
    events:
      # Who joins.
      UserAdded:
        description: A user exists from now on.
        fields:
          user_id: int   # our own number

          # As people write it.
          name: {type: string, personal: true}
        upcast:
          - rename: {full_name: name}   # 2024
        history:
          1:
            fields: {user_id: int, full_name: {type: string, personal: true}}

      # Who goes.
      UserRemoved: {terminal: true, fields: {user_id: int}}
"""


def scaffold(root: Path, text: str, event: str) -> str:
    path = root / "spec.yaml"
    path.write_text(text)
    [spec] = load_specs([path], root)
    return dict(next_event(spec, {"spec.yaml": text}, event).files)["spec.yaml"]


def test_the_next_version_keeps_comments_and_layout(tmp_path: Path) -> None:
    made = scaffold(tmp_path, BLOCK, "UserAdded")

    assert made == BLOCK.replace(
        """\
        upcast:
          - rename: {full_name: name}   # 2024
""",
        """\
        # upcast: `headwater generate` says what is missing, once the fields are changed
""",
    ).replace(
        """\
            fields: {user_id: int, full_name: {type: string, personal: true}}
""",
        """\
            fields: {user_id: int, full_name: {type: string, personal: true}}
          2:
            fields:
              user_id: int   # our own number

              # As people write it.
              name: {type: string, personal: true}
            upcast:
              - rename: {full_name: name}   # 2024
""",
    )


def test_the_next_version_of_an_event_on_one_line_stays_on_it(tmp_path: Path) -> None:
    made = scaffold(tmp_path, BLOCK, "UserRemoved")

    old = "UserRemoved: {terminal: true, fields: {user_id: int}}"
    new = f"{old[:-1]}, history: {{1: {{fields: {{user_id: int}}}}}}}}"
    assert made == BLOCK.replace(old, new)
    again = scaffold(tmp_path, made, "UserRemoved")
    assert "history: {1: {fields: {user_id: int}}, 2: {fields: {user_id: int}}}}" in again


def test_a_type_moves_with_all_that_was_released_and_has_it(project: Project) -> None:
    project.spec.write_text(
        """\
headwater: 1
service: user-service
types:
  Role: {enum: [member, admin]}
  Team:
    fields:
      name: string
      roles: list<Role>   # one at least
streams: {users: {type: persistent}}
workflows:
  User:
    stream: users
    events:
      UserInvited: {fields: {role: Role | null}}
      TeamMade:
        fields: {team: {type: Team}}
      UserRemoved: {fields: {user_id: int}}
"""
    )
    project.generate()
    release_drafts(project.root)

    files, versions = begin_version(project.root, "Role")

    assert files == ("spec/user_service.yaml",)
    assert versions == ("Role@2", "Team@2", "UserInvited@2", "TeamMade@2")
    text = project.spec.read_text()
    assert "Role: {enum: [member, admin], history: {1: {enum: [member, admin]}}}" in text
    assert "      roles: list<Role>   # one at least\n    history:\n      1:\n" in text
    assert "          roles: list<Role@1>" in text
    assert "history: {1: {fields: {role: Role@1 | null}}}" in text
    assert "            fields: {team: {type: Team@1}}" in text
    project.change("{enum: [member, admin], history", "{enum: [member, admin, guest], history")
    [spec] = load_specs([project.spec], project.root)
    assert list(spec.types) == ["RoleV1", "Role", "TeamV1", "Team"]


def test_where_a_released_event_is_recorded_is_kept_and_not_edited(released: Project) -> None:
    path = folder(released) / "UserAdded.lock.json"
    [row] = [line for line in path.read_text().splitlines() if line.startswith('  "home": ')]
    assert row.startswith('  "home": {"workflow": "User", "stream": "users", "check": "')

    path.write_text(path.read_text().replace('"stream": "users"', '"stream": "people"'))

    assert codes(released) == ["HW902"]


def test_a_lock_from_before_homes_were_kept_gets_them(released: Project) -> None:
    path = folder(released) / "UserAdded.lock.json"
    whole = path.read_bytes()
    path.write_bytes(b"".join(line for line in whole.splitlines(True) if b'"home"' not in line))

    released.generate()

    assert path.read_bytes() == whole


def test_the_next_version_of_a_unions_member_has_the_same_tag(project: Project) -> None:
    """What stands on the wire is the type's name, so that recorded events stay what they are."""
    project.change(
        "streams:",
        "types:\n  Mail: {fields: {to: string}}\n  Call: {fields: {number: int}}\n"
        "  Contact: {one_of: [Mail, Call], tag: kind}\nstreams:",
    )
    project.change(
        "UserRemoved: {terminal: true, fields: {", "UserRemoved: {fields: {by: Contact, "
    )
    project.generate()
    release_drafts(project.root)
    schema = (project.package / "schemas" / "UserRemoved.v1.json").read_text()

    _, versions = begin_version(project.root, "Mail")
    project.change("Mail: {fields: {to: string}, h", "Mail: {fields: {to: string, cc: string}, h")
    project.change(
        "UserRemoved: {fields: {by: Contact, user_id: int}",
        "UserRemoved: {fields: {by: Contact, user_id: int}, upcast: [custom: {up: up}]",
    )
    (project.spec.parent / "upcasts").mkdir()
    (project.spec.parent / "upcasts" / "user_service.py").write_text(
        "def up(fields):\n    return fields\n"
    )
    project.generate()

    assert versions == ("Mail@2", "Contact@2", "UserRemoved@2")
    assert (project.package / "schemas" / "UserRemoved.v1.json").read_text() == schema
    types = (project.package / "types.py").read_text()
    assert "class MailV1" in types
    assert types.count('kind: Literal["Mail"] = "Mail"') == 2


def test_accepted_breaks_are_kept(released: Project) -> None:
    lock = lock_of(released)
    accepted = (Accepted(subject="AddUser", version=0, change="name", reason="nobody calls it"),)
    kept = Lock(events=lock.events, commands=lock.commands, inputs=lock.inputs, accepted=accepted)

    for name, content in render_lock(kept).items():
        (folder(released) / name).write_bytes(content)

    assert lock_of(released).accepted == accepted
    released.generate()
    assert lock_of(released).accepted == accepted
    assert json.loads((folder(released) / "_commands.lock.json").read_text())["accepted"]
