"""The client package of a service: what it has, what stays the team's, and its versions."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from headwater_generator.check import load_specs
from headwater_generator.problems import SpecError
from headwater_generator.versioning import release_drafts

from .conftest import Project

MODULE = "user_service_client"
NEXT_VERSION = (
    "UserAdded: {fields: {user_id: int, first: string}, upcast: [{rename: {name: first}}], "
    "history: {1: {fields: {user_id: int, name: string}}}}"
)


@pytest.fixture
def publishing(project: Project) -> Project:
    project.change("{type: persistent}", "{type: persistent, publish: true}")
    project.generate()
    return project


def folder(project: Project) -> Path:
    return project.root / "generated" / MODULE


def settings(project: Project) -> Path:
    return folder(project) / "pyproject.toml"


def version(project: Project) -> str:
    [found] = re.findall(r'^version = "(.*)"$', settings(project).read_text(), re.MULTILINE)
    return str(found)


def codes(project: Project) -> list[str]:
    with pytest.raises(SpecError) as caught:
        project.generate()
    return [problem.code for problem in caught.value.problems]


def test_a_service_that_publishes_nothing_has_none(project: Project) -> None:
    project.generate()

    assert not folder(project).exists()


def test_it_has_what_is_published_and_nothing_else(project: Project) -> None:
    project.change(
        "streams: {users: {type: persistent}}",
        "types: {Role: {enum: [a]}, Other: {enum: [b]}}\n"
        "streams: {users: {type: persistent, publish: true}, notes: {type: ephemeral}}",
    )
    project.change(
        "workflows:\n",
        "workflows:\n  Note: {stream: notes, events: {NoteTaken: {fields: {other: Other}}}}\n",
    )
    project.change(
        "UserRemoved: {terminal: true, fields: {user_id: int}}",
        "UserRemoved: {fields: {role: Role}}",
    )

    project.generate()

    package = folder(project) / MODULE
    assert sorted(path.name for path in package.iterdir()) == [
        *("__init__.py", "contract.py", "contract.yaml", "events.py", "py.typed", "schemas"),
        "types.py",
    ]
    texts = "".join(path.read_text() for path in package.rglob("*") if path.is_file())
    assert "class UserRemovedV1" in texts
    assert not any(name in texts for name in ("NoteTaken", "Other", "notes", "AddUser", "audit"))


def test_its_contract_is_a_spec_that_says_the_same(publishing: Project) -> None:
    publishing.change("UserAdded: {fields: {user_id: int, name: string}}", NEXT_VERSION)
    publishing.generate()
    package = folder(publishing) / MODULE

    [spec] = load_specs([publishing.spec], publishing.root)
    [contract] = load_specs([package / "contract.yaml"], package)

    assert contract.service == "user-service"
    assert contract.workflows == spec.workflows
    assert contract.streams["users"].publish is not None
    assert contract.streams["users"].publish.at == ("UserAdded@1", "UserRemoved@1")
    assert not contract.commands
    assert not contract.subscriptions


def test_what_the_team_says_of_its_package_stays(publishing: Project) -> None:
    text = settings(publishing).read_text()
    text = text.replace('name = "user-service-client"', 'name = "acme-users"\nlicense = "MIT"')
    settings(publishing).write_text(f"{text}\n[project.urls]\nDocs = 'https://example.com'\n")
    release_drafts(publishing.root)

    publishing.generate()

    after = settings(publishing).read_text()
    assert 'version = "1.0.0.dev0"' in text
    assert version(publishing) == "1.0.0"
    assert 'name = "acme-users"\nlicense = "MIT"' in after
    assert after.endswith("\n[project.urls]\nDocs = 'https://example.com'\n")
    assert publishing.generate(check=True).findings == ()


def test_what_is_generated_of_its_settings_is_not_edited(publishing: Project) -> None:
    text = settings(publishing).read_text()
    settings(publishing).write_text(text.replace("1.0.0.dev0", "7.0.0"))

    assert codes(publishing) == ["HW701"]


def test_without_its_marks_a_settings_file_is_left_alone(publishing: Project) -> None:
    settings(publishing).write_text("[project]\n")

    assert codes(publishing) == ["HW709"]
    assert settings(publishing).read_text() == "[project]\n"


def test_line_ends_of_its_settings_stay(publishing: Project) -> None:
    content = settings(publishing).read_bytes().replace(b"\n", b"\r\n")
    settings(publishing).write_bytes(content)
    release_drafts(publishing.root)

    publishing.generate()

    assert settings(publishing).read_bytes() == content.replace(b"1.0.0.dev0", b"1.0.0")


def test_it_goes_where_the_team_wants_it(project: Project) -> None:
    project.configure('[tool.headwater]\nclient_out = "clients"\n')
    project.change("{type: persistent}", "{type: persistent, publish: true}")

    project.generate()
    project.generate(client_out=Path("elsewhere"))

    for place in ("clients", "elsewhere"):
        assert (project.root / place / MODULE / MODULE / "contract.py").is_file()


def test_when_nothing_is_published_any_more_only_what_is_the_teams_stays(
    publishing: Project,
) -> None:
    publishing.change(", publish: true", "")

    report = publishing.generate()

    assert [path.name for path in folder(publishing).rglob("*")] == ["pyproject.toml"]
    assert [(note.kind, note.path) for note in report.notes] == [
        ("orphaned", f"generated/{MODULE}/pyproject.toml")
    ]


def test_a_file_that_does_not_belong_into_it_is_told(publishing: Project) -> None:
    (folder(publishing) / "LICENSE").write_text("MIT")
    (folder(publishing) / MODULE / "mine.py").write_text("")

    findings = publishing.generate(check=True).findings

    assert [(one.code, Path(one.file).name) for one in findings] == [("HW712", "mine.py")]


def test_versions_follow_from_what_changed_for_those_who_read(publishing: Project) -> None:
    """A new version is a minor one, other ops a patch, a moved alias a major one."""
    told = []

    def release(reason: str = "") -> None:
        release_drafts(publishing.root, reason=reason)
        publishing.generate()
        told.append(version(publishing))

    release()
    publishing.change("UserAdded: {fields: {user_id: int, name: string}}", NEXT_VERSION)
    publishing.generate()
    told.append(version(publishing))
    release()
    publishing.change(
        "upcast: [{rename: {name: first}}]", "upcast: [{drop: {name: x}}, {add: {first: x}}]"
    )
    release("they were wrong")
    publishing.change("publish: true", "publish: {at: [UserAdded@2]}")
    release()
    release()

    assert told == ["1.0.0", "1.1.0.dev0", "1.1.0", "1.1.1", "2.0.0", "2.0.0"]
    changes = (folder(publishing) / "CHANGELOG.md").read_text()
    assert re.findall(r"^## (.*)\n\n- (.*)$", changes, re.MULTILINE) == [
        ("2.0.0", "UserAdded leaves at version 2, and no longer at 1"),
        ("1.1.1", "UserAdded: version 2 is reached by other ops"),
        ("1.1.0", "UserAdded has version 2"),
        ("1.0.0", "stream users is published"),
    ]


def test_who_reads_may_pin_any_version(publishing: Project) -> None:
    publishing.change("UserAdded: {fields: {user_id: int, name: string}}", NEXT_VERSION)
    publishing.generate()

    made = (folder(publishing) / MODULE / "upcasting.py").read_text()

    assert '("UserAdded", 1, 2)' in made
    assert '("UserAdded", 2, 1)' in made


def test_service_and_client_can_be_loaded_in_one_process(publishing: Project) -> None:
    """Their classes are other classes with the same fields, and the README's examples run."""
    publishing.change("UserAdded: {fields: {user_id: int, name: string}}", NEXT_VERSION)
    publishing.generate()
    program = publishing.root / "program.py"
    program.write_text(
        f"""
import re
from pathlib import Path

from generated.user_service import UserAdded as Ours, user_service
from {MODULE} import UserAdded as Theirs, UserAddedV1, contract

assert Ours is not Theirs
recorded = Ours(user_id=1, first="Ada").model_dump_json()
assert Theirs.model_validate_json(recorded).first == "Ada"
down = user_service.registry.upcast(
    "UserAdded", {{"user_id": 1, "first": "Ada"}}, from_version=2, to_version=1
)
assert UserAddedV1.model_validate(down).name == "Ada"
up = contract.registry.upcast("UserAdded", down, from_version=1, to_version=2)
assert Theirs.model_validate(up).first == "Ada"
readme = Path("generated/{MODULE}/README.md").read_text()
examples = re.findall(r"```python\\n(.*?)```", readme, re.DOTALL)
assert len(examples) == 2
for example in examples:
    exec(example)
"""
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        cwd=publishing.root,
        env={"PYTHONPATH": f"{publishing.root}:{folder(publishing)}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
