"""`headwater package`: what it builds, what it says of it, and what it refuses to build."""

from __future__ import annotations

import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headwater_generator.packaging import package
from headwater_generator.problems import Problem, SpecError
from headwater_generator.verbs.package import run
from headwater_generator.versioning import release_drafts

if TYPE_CHECKING:
    from .conftest import Project

MODULE = "user_service_client"
WHEEL = f"{MODULE}-1.0.0-py3-none-any.whl"
SDIST = f"{MODULE}-1.0.0.tar.gz"


@pytest.fixture
def released(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(project.root)
    project.change("{type: persistent}", "{type: persistent, publish: true}")
    project.generate()
    release_drafts(project.root)
    project.generate()
    return project


def settings(project: Project) -> Path:
    return project.root / "generated" / MODULE / "pyproject.toml"


def change_settings(project: Project, old: str, new: str) -> None:
    text = settings(project).read_text()
    assert old in text
    settings(project).write_text(text.replace(old, new))


def problem(project: Project, *services: str) -> Problem:
    with pytest.raises(SpecError) as caught:
        package(project.root, services)
    assert not (project.root / "dist").exists()
    return caught.value.problems[0]


def test_it_tells_what_it_does_and_what_came_of_it(
    released: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([]) == 0
    first = capsys.readouterr()
    assert run(["user-service", "--json"]) == 0
    second = capsys.readouterr()

    assert first.err == "building user-service-client 1.0.0\n"
    assert first.out == f"wrote    dist/{WHEEL}\nwrote    dist/{SDIST}\n"
    assert json.loads(second.out) == {
        "packages": [
            {
                "service": "user-service",
                "name": "user-service-client",
                "version": "1.0.0",
                "wheel": f"dist/{WHEEL}",
                "sdist": f"dist/{SDIST}",
                "written": [],
            }
        ]
    }


def test_it_has_all_of_the_package_and_nothing_of_what_is_around_it(released: Project) -> None:
    (released.root / ".gitignore").write_text("*.json\n")
    around = settings(released).parent
    (around / "dist").mkdir()
    (around / "dist" / "old.whl").write_text("old")

    package(released.root)

    dist = released.root / "dist"
    wheel = {name for name in zipfile.ZipFile(dist / WHEEL).namelist() if ".dist-info" not in name}
    with tarfile.open(dist / SDIST) as archive:
        sdist = {name.partition("/")[2] for name in archive.getnames()}
    module = {
        path.relative_to(around).as_posix()
        for path in (around / MODULE).rglob("*")
        if path.is_file()
    }
    assert wheel == module
    assert sdist - module == {"CHANGELOG.md", "PKG-INFO", "README.md", "pyproject.toml"}
    assert module < sdist


def test_equal_input_makes_equal_bytes_wherever_and_whenever(
    released: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(released.root)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    for path in (released.root / "generated").rglob("*"):
        os.utime(path, (2_000_000_000, 2_000_000_000))
        path.chmod(path.stat().st_mode | 0o020)
    (released.root / "generated" / MODULE / MODULE / "__pycache__").mkdir()
    (released.root / ".gitignore").write_text("*.pyc\n")

    [again] = package(released.root)
    [other] = package(released.root, out=Path("elsewhere"))

    assert again.written == ()
    for name in (WHEEL, SDIST):
        first, second = (released.root / one / name for one in ("dist", "elsewhere"))
        assert first.read_bytes() == second.read_bytes()
    assert other.written == (f"elsewhere/{WHEEL}", f"elsewhere/{SDIST}")


def test_what_the_team_says_of_its_package_goes_in(released: Project) -> None:
    change_settings(
        released,
        'name = "user-service-client"',
        'name = "acme-users"\nauthors = [{name = "The team"}]\nlicense = "MIT"',
    )

    [built] = package(released.root)

    assert (built.name, built.wheel) == ("acme-users", "dist/acme_users-1.0.0-py3-none-any.whl")
    with zipfile.ZipFile(released.root / built.wheel) as archive:
        told = archive.read("acme_users-1.0.0.dist-info/METADATA").decode()
    for line in ("Author: The team", "License-Expression: MIT", "Requires-Python: >=3.11"):
        assert f"\n{line}\n" in told
    assert "\nRequires-Dist: headwater[rabbitmq]>=" in told


def test_a_spec_is_named_by_its_path_too(
    released: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["spec/user_service.yaml", "--out", "wheels"]) == 0

    assert capsys.readouterr().out.startswith(f"wrote    wheels/{WHEEL}\n")


def test_what_is_not_published_is_not_packaged(released: Project) -> None:
    released.change(", publish: true", "")
    released.generate()

    assert problem(released).message.startswith("no service publishes anything")
    found = problem(released, "user-service")
    assert (found.code, found.file) == ("HW713", "spec/user_service.yaml")
    assert found.message.startswith("user-service publishes nothing")


def test_a_service_that_is_not_there_is_told_with_the_nearest(released: Project) -> None:
    found = problem(released, "user-servic")

    assert (found.code, found.hint) == ("HW713", 'did you mean "user-service"?')


def test_a_draft_is_not_packaged_unless_it_is_wanted(
    released: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    released.change("UserRemoved:", "UserRenamed: {fields: {name: string}}\n      UserRemoved:")
    released.generate()

    found = problem(released)
    assert run(["--drafts"]) == 0

    assert found.code == "HW714"
    assert found.message == (
        "user-service-client 1.1.0 is not released: UserRenamed is new, and leaves at version 1"
    )
    assert f"dist/{MODULE}-1.1.0.dev0-py3-none-any.whl" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('version = "1.0.0"', 'version = "7.0.0"', "HW701"),
        ("# This is the other mark", "# This is not", "HW709"),
        ('readme = "README.md"', "readme = ", "HW716"),
        ('readme = "README.md"', 'readme = "README.rst"', "HW716"),
        ('exclude = ["test_*.py"]', 'exclude = ["test_*.py", "schemas"]', "HW716"),
        ("hatchling>=1.27", "hatchling>=999", "HW715"),
        ("hatchling>=1.27", "hatchling >>> 1", "HW716"),
        ('"hatchling.build"', '"no_such_backend"', "HW716"),
    ],
)
def test_settings_that_make_no_package_are_told(
    released: Project, old: str, new: str, code: str
) -> None:
    change_settings(released, old, new)

    found = problem(released)

    assert (found.code, found.file) == (code, f"generated/{MODULE}/pyproject.toml")
    assert found.hint


def test_without_the_tool_that_calls_backends_it_is_told(
    released: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "build", None)

    found = problem(released)

    assert (found.code, found.hint) == ("HW715", "pip install 'build'")


def test_what_the_backend_said_last_is_told(released: Project) -> None:
    change_settings(released, 'readme = "README.md"', 'readme = "README.rst"')

    assert "README.rst" in problem(released).message


def test_a_file_that_cannot_be_copied_is_told(released: Project) -> None:
    (settings(released).parent / "LICENSE").symlink_to("nowhere")

    found = problem(released)

    assert (found.code, "LICENSE" in found.message) == ("HW716", True)


def test_what_must_be_installed_is_told_as_it_is_installed(released: Project) -> None:
    change_settings(released, "hatchling>=1.27", "no-such-backend>=3")

    assert problem(released).hint == "pip install 'no-such-backend>=3'"


def test_what_was_generated_is_up_to_date_or_not_packaged(released: Project) -> None:
    (released.root / "generated" / MODULE / MODULE / "events.py").unlink()

    assert problem(released).code == "HW711"


def test_a_file_in_the_way_of_its_folder_is_told(
    released: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (released.root / "taken").write_text("")

    assert run(["--out", "taken", "--json"]) == 2

    [told] = json.loads(capsys.readouterr().out)["problems"]
    assert (told["code"], told["file"]) == ("HW706", "taken")
