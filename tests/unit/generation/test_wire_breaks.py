"""What `headwater breaking` says of an edit and what buf says of its protos, side by side.

buf judges by its category WIRE_JSON. Edits of a released event or type are refused before protos
are made of them, and the lock reserves what goes: so the protos of an edit are those of a project
that knows no lock.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from headwater_generator.compatibility import compare
from headwater_generator.versioning import release_drafts

from .conftest import Project

BUF = Path(sys.executable).with_name("buf")
SPEC = """\
headwater: 1
service: user-service
types:
  Role: {enum: [member, admin]}
  Address: {fields: {street: string, city: string}}
  Channel: {enum: [app, web]}
  Contact: {fields: {phone: string, note: string | null}}
streams: {users: {type: persistent}}
workflows:
  User:
    stream: users
    events:
      UserAdded:
        fields: {user_id: int, name: string, role: Role, address: Address, tags: list<string>}
commands:
  AddUser:
    starts: User
    id: user_id
    fields: {user_id: int, name: string, channel: Channel, contact: Contact, codes: list<int>}
"""
EVENT, COMMAND = "address: Address, tags: list<string>}", "contact: Contact, codes: list<int>}"
HEAD = f"        fields: {{user_id: int, name: string, role: Role, {EVENT}\n"
NEXT = """\
        fields: {user_id: int, full_name: string}
        upcast: [rename: {name: full_name}, drop: [role, address, tags]]
        history:
          1:
    """
REFUSED = {
    "an event's field of another type": ("tags: list<string>}", "tags: list<bool>}"),
    "an event's list that is one now": ("tags: list<string>}", "tags: string}"),
    "an event's field that is a list now": ("name: string, role", "name: list<string>, role"),
    "an event's field under another name": ("name: string, role", "full_name: string, role"),
    "an event's last field gone": (", tags: list<string>}", "}"),
    "an event's object that is a text now": ("address: Address", "address: string"),
    "an object's field of another type": ("city: string}", "city: float}"),
    "an object's last field gone": (", city: string}", "}"),
    "an enum's last value gone": ("[member, admin]", "[member]"),
    "an enum's value under another name": ("[member, admin]", "[member, owner]"),
    "a command's field of another type": ("name: string, channel", "name: bool, channel"),
    "a command's list that is one now": ("codes: list<int>}", "codes: int}"),
    "a command's field under another name": ("codes: list<int>}", "keys: list<int>}"),
    "a command's last field gone": (", codes: list<int>}", "}"),
    "a field of a command's object of another type": ("phone: string", "phone: int"),
    "a value of a command's enum gone": ("[app, web]", "[app]"),
}
ALLOWED = {
    "an optional field more in a command": (COMMAND, f"{COMMAND[:-1]}, note: string | null}}"),
    "a field more with a default in a command": (
        COMMAND,
        f"{COMMAND[:-1]}, kind: {{type: string, default: a}}}}",
    ),
    "a command's field that may be null": ("name: string, channel", "name: string | null, channel"),
    "a value more in a command's enum": ("[app, web]", "[app, web, tv]"),
    "an optional field more in a command's object": (
        "note: string | null}",
        "note: string | null, fax: string | null}",
    ),
    "another event": (
        "      UserAdded:",
        "      UserGone: {fields: {at: datetime}}\n      UserAdded:",
    ),
    "another command": (
        "commands:\n",
        "commands:\n  RemoveUser: {continues: User, fields: {user_id: int}}\n",
    ),
    "another type": ("types:\n", "types:\n  Size: {enum: [small]}\n"),
    "a description": ("{enum: [member, admin]}", "{enum: [member, admin], description: What}"),
    "the next version of an event": (HEAD, NEXT + HEAD),
}
# Not on the wire: a JSON body, or a program, is refused where protobuf would take it.
STRICTER = {
    "a required field more in a command": (COMMAND, f"{COMMAND[:-1]}, age: int}}"),
    "a tighter constraint in a command": (
        "name: string, channel",
        "name: {type: string, maxLength: 9}, channel",
    ),
}


@pytest.fixture
def released(project: Project) -> Project:
    project.spec.write_text(SPEC)
    project.generate()
    release_drafts(project.root)
    shutil.copytree(project.package / "proto", project.root / "before")
    return project


def edited(project: Project, edit: tuple[str, str]) -> bool:
    """Make an edit, and return whether `headwater breaking` refuses it."""
    project.change(*edit)
    [compared] = compare(project.root)
    shutil.rmtree(project.spec.parent / "lock")
    project.generate()
    return bool(compared.problems)


def told_by_buf(project: Project) -> str:
    done = subprocess.run(
        [BUF, "breaking", project.package / "proto", "--against", project.root / "before"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 100}, done.stderr  # 100: it found something
    return done.stdout


@pytest.mark.parametrize("what", REFUSED)
def test_what_breaks_the_wire_is_found_by_buf_too(what: str, released: Project) -> None:
    assert edited(released, REFUSED[what])

    assert told_by_buf(released) != ""


@pytest.mark.parametrize("what", ALLOWED)
def test_buf_finds_nothing_in_what_is_allowed(what: str, released: Project) -> None:
    assert not edited(released, ALLOWED[what])

    assert told_by_buf(released) == ""


@pytest.mark.parametrize("what", STRICTER)
def test_more_is_refused_than_the_wire_would_show(what: str, released: Project) -> None:
    assert edited(released, STRICTER[what])

    assert told_by_buf(released) == ""
