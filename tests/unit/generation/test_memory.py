"""What earlier runs made is used again where it would come out the same, and never otherwise."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from headwater_generator.outputs import schemas
from headwater_generator.problems import SpecError
from headwater_generator.publish import stamp
from headwater_generator.versioning import release_drafts

from .conftest import Project

MEMORY = Path(".headwater", "cache", "events.json")

Document = dict[str, Any]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of events whose schemas are made, as they are."""
    names: list[str] = []
    make = schemas.schema_of

    def noticed(spec: Any, event: Any) -> Any:
        names.append(f"{event.name}@{event.version}")
        return make(spec, event)

    monkeypatch.setattr(schemas, "schema_of", noticed)
    return names


def test_only_the_event_that_changed_is_made_again(project: Project, made: list[str]) -> None:
    project.generate()
    made.clear()

    project.change("name: string}}\n", "name: string, age: int}}\n")
    report = project.generate()

    assert made == ["UserAdded@1"]
    assert "spec/lock/user_service/UserAdded.lock.json" in report.written
    assert "spec/lock/user_service/UserRemoved.lock.json" not in report.written


def test_nothing_is_remembered_of_events_that_are_gone(project: Project) -> None:
    project.generate()
    project.change("      UserRemoved: {terminal: true, fields: {user_id: int}}\n", "")
    project.generate()

    remembered = json.loads((project.root / MEMORY).read_bytes())["files"]
    names = sorted(Path(name).name for name in remembered)
    assert names == ["UserAdded.lock.json", "UserAdded.v1.json"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[: len(text) // 2], id="cut off"),
        pytest.param(lambda text: b"", id="empty"),
        pytest.param(lambda text: b"\xff" + text, id="no text"),
        pytest.param(lambda text: b"[" * 100_000, id="nested without end"),
        pytest.param(lambda text: b"[]", id="a list"),
        pytest.param(lambda text: _with(text, files=[1, 2]), id="files are a list"),
        pytest.param(lambda text: _with(text, files={"a": 3, "b": []}), id="files are numbers"),
        pytest.param(lambda text: text.replace(b"a", b"b"), id="other hashes"),
    ],
)
def test_a_damaged_memory_is_as_good_as_none(
    project: Project, made: list[str], damage: Callable[[bytes], bytes]
) -> None:
    project.generate()
    memory = project.root / MEMORY
    memory.write_bytes(damage(memory.read_bytes()))
    project.change("description: Users.", "description: All users.")
    made.clear()

    project.generate()

    assert sorted(made) == ["UserAdded@1", "UserRemoved@1"]
    assert _as_without_memory(project)


def _with(text: bytes, **keys: object) -> bytes:
    return json.dumps({**json.loads(text), **keys}).encode()


def test_another_generator_makes_everything_again(
    project: Project, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.generate()
    monkeypatch.setattr(stamp, "_tools", lambda: {"python": "another"})
    made.clear()

    project.generate()

    assert sorted(made) == ["UserAdded@1", "UserRemoved@1"]


def test_a_file_that_was_changed_is_not_taken_for_what_was_made(project: Project) -> None:
    """By its content, whatever its size and time say."""
    project.generate()
    path = project.package / "schemas" / "UserAdded.v1.json"
    content, status = path.read_bytes(), path.stat()
    path.write_bytes(content.replace(b"integer", b"strange"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    with pytest.raises(SpecError) as caught:
        project.generate()

    assert [problem.code for problem in caught.value.problems] == ["HW701"]


def test_a_lock_that_was_edited_is_refused_though_it_is_remembered(project: Project) -> None:
    project.generate()
    path = project.spec.parent / "lock" / "user_service" / "UserAdded.lock.json"
    path.write_bytes(path.read_bytes().replace(b'"int"', b'"bool"'))

    with pytest.raises(SpecError) as caught:
        project.generate()

    assert [problem.code for problem in caught.value.problems] == ["HW902"]


def test_a_check_makes_everything_and_remembers_nothing(project: Project, made: list[str]) -> None:
    project.generate()
    before = (project.root / MEMORY).read_bytes()
    made.clear()

    report = project.generate(check=True)

    assert report.findings == ()
    assert sorted(made) == ["UserAdded@1", "UserRemoved@1"]
    (project.root / MEMORY).unlink()
    project.generate(check=True)
    assert not (project.root / MEMORY).exists()
    assert before


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_edited_the_files_are_those_of_a_run_without_memory(
    tmp_path: Path, seed: int
) -> None:
    """Files and problems alike; a step that cannot be generated is taken back."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    project = Project(tmp_path / "project")
    document = _start()
    project.spec.write_text(json.dumps(document))
    project.generate()
    done = 0
    before = tmp_path / "before"
    for _ in range(12):
        shutil.copytree(project.root, before)
        edited = json.loads(json.dumps(document))
        edit = chance.choice(EDITS)
        edit(edited, project, chance)
        project.spec.write_text(json.dumps(edited, indent=chance.choice([None, 1, 2])))

        is_good = _as_without_memory(project)

        if is_good:
            document, done = edited, done + 1
            shutil.rmtree(before)
        else:
            shutil.rmtree(project.root)
            before.rename(project.root)
    assert done > 3
    shutil.rmtree(project.root / ".headwater")
    assert _as_without_memory(project)


def _as_without_memory(project: Project) -> bool:
    """Generate here and, without what was remembered, in a copy; return whether that could be.

    Both did the same.
    """
    other = Project.__new__(Project)
    other.root = project.root.with_name("other")
    shutil.copytree(project.root, other.root)
    (other.root / MEMORY).unlink(missing_ok=True)
    try:
        mine, theirs = _outcome(project), _outcome(other)
        assert mine == theirs
        assert project.files() == other.files()
    finally:
        shutil.rmtree(other.root)
    return isinstance(mine, dict)


def _outcome(project: Project) -> object:
    try:
        report = project.generate()
    except SpecError as error:
        return [str(problem) for problem in error.problems]
    return {"written": report.written, "removed": report.removed, "notes": report.notes}


def _start() -> Document:
    return {
        "headwater": 1,
        "service": "user-service",
        "types": {
            "Role": {"enum": ["member", "admin"]},
            "Address": {"fields": {"street": "string", "role": "Role"}},
            "Email": {"fields": {"email": "email"}},
            "Phone": {"fields": {"phone": "string"}},
            "Contact": {"one_of": ["Email", "Phone"], "tag": "kind"},
        },
        "streams": {"users": {"type": "persistent"}, "others": {"type": "persistent"}},
        "workflows": {
            "User": {
                "stream": "users",
                "events": {
                    f"Event{number}": {
                        "description": f"Number {number}.",
                        "fields": {"id": "int", "home": "Address", "ways": "list<Contact>"},
                    }
                    for number in range(4)
                },
            },
            "Other": {"stream": "others", "events": {"Plain": {"fields": {"text": "string"}}}},
        },
    }


def _events(document: Document) -> Iterator[tuple[Document, str]]:
    for workflow in document["workflows"].values():
        for name in workflow["events"]:
            yield workflow["events"], name


def _any_event(document: Document, chance: random.Random) -> Document:
    events, name = chance.choice(list(_events(document)))
    found: Document = events[name]
    return found


FIELDS = ["string", "int | null", "Role", "list<Address>", "map<Contact>", {"type": "float"}]


def _another_field(document: Document, project: Project, chance: random.Random) -> None:
    fields = _any_event(document, chance)["fields"]
    fields[f"field_{chance.randrange(3)}"] = chance.choice(FIELDS)


def _fewer_fields(document: Document, project: Project, chance: random.Random) -> None:
    fields = _any_event(document, chance)["fields"]
    if len(fields) > 1:
        del fields[chance.choice(list(fields))]


def _other_order(document: Document, project: Project, chance: random.Random) -> None:
    event = _any_event(document, chance)
    event["fields"] = dict(reversed(event["fields"].items()))


def _a_limit(document: Document, project: Project, chance: random.Random) -> None:
    limit = chance.randrange(1, 4)
    _any_event(document, chance)["fields"]["limited"] = {
        "type": "string",
        "maxLength": limit,
        "default": chance.choice(["", "ab"]),
        "personal": chance.random() < 0.5,
    }


def _prose(document: Document, project: Project, chance: random.Random) -> None:
    _any_event(document, chance)["description"] = chance.choice(["One.", "Two.", 'It\'s "é".'])


def _an_end(document: Document, project: Project, chance: random.Random) -> None:
    _any_event(document, chance)["terminal"] = chance.random() < 0.5


def _a_new_event(document: Document, project: Project, chance: random.Random) -> None:
    workflow = chance.choice(list(document["workflows"].values()))
    workflow["events"][f"New{chance.randrange(4)}"] = {"fields": {"role": "Role"}}


def _an_event_less(document: Document, project: Project, chance: random.Random) -> None:
    events, name = chance.choice(list(_events(document)))
    if len(events) > 1:
        del events[name]


def _another_name(document: Document, project: Project, chance: random.Random) -> None:
    events, name = chance.choice(list(_events(document)))
    events[f"Renamed{chance.randrange(9)}"] = events.pop(name)


def _another_home(document: Document, project: Project, chance: random.Random) -> None:
    events, name = chance.choice(list(_events(document)))
    if len(events) > 1:
        event = events.pop(name)
        chance.choice(list(document["workflows"].values()))["events"][name] = event


def _another_stream(document: Document, project: Project, chance: random.Random) -> None:
    workflow = chance.choice(list(document["workflows"].values()))
    workflow["stream"] = chance.choice(["users", "others"])


def _another_type(document: Document, project: Project, chance: random.Random) -> None:
    types = document["types"]
    match chance.randrange(4):
        case 0:
            types["Role"]["enum"] = [*types["Role"]["enum"], f"role{chance.randrange(99)}"]
        case 1:
            types["Address"]["fields"][f"line_{chance.randrange(3)}"] = chance.choice(FIELDS[:2])
        case 2:
            types["Contact"]["tag"] = chance.choice(["kind", "way"])
        case _:
            types["Phone"]["description"] = chance.choice(["Rings.", "Does not ring."])


def _a_version(document: Document, project: Project, chance: random.Random) -> None:
    event = _any_event(document, chance)
    history = event.setdefault("history", {})
    history[str(len(history) + 1)] = {
        "fields": dict(event["fields"]),
        **({"upcast": event.pop("upcast")} if "upcast" in event else {}),
    }
    name = f"added_{len(history)}"
    event["fields"][name] = "int"
    event["upcast"] = [{"add": {name: chance.randrange(3)}}]


def _a_release(document: Document, project: Project, chance: random.Random) -> None:
    names = [name for _, name in _events(json.loads(project.spec.read_text()))]
    release_drafts(project.root, [chance.choice(names)])


def _another_spelling(document: Document, project: Project, chance: random.Random) -> None:
    """The same spec, laid out in another way."""


def _a_file_of_the_lock_less(document: Document, project: Project, chance: random.Random) -> None:
    files = sorted((project.spec.parent / "lock").rglob("*.json"))
    chance.choice(files).unlink()


def _a_file_of_the_lock_like_another(
    document: Document, project: Project, chance: random.Random
) -> None:
    files = sorted((project.spec.parent / "lock").rglob("*.json"))
    before = {path: path.read_bytes() for path in files}
    one, other = chance.choice(files), chance.choice(files)
    one.write_bytes(before[other])


def _other_line_ends(document: Document, project: Project, chance: random.Random) -> None:
    path = chance.choice(sorted(project.package.rglob("*.json")))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


EDITS = (
    _another_field,
    _fewer_fields,
    _other_order,
    _a_limit,
    _prose,
    _an_end,
    _a_new_event,
    _an_event_less,
    _another_name,
    _another_home,
    _another_stream,
    _another_type,
    _a_version,
    _a_release,
    _another_spelling,
    _a_file_of_the_lock_less,
    _a_file_of_the_lock_like_another,
    _other_line_ends,
)
