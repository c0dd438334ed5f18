"""`[tool.headwater]`: what a team may call its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from headwater_generator.configuration import Configuration, find_root, load_configuration
from headwater_generator.problems import SpecError

SPEC = "headwater: 1\nservice: user-service\n"


def configured(folder: Path, text: str) -> Configuration:
    (folder / "pyproject.toml").write_text(text)
    return load_configuration(folder)


def test_without_a_table_the_defaults_hold(tmp_path: Path) -> None:
    for configuration in (load_configuration(tmp_path), configured(tmp_path, "[project]\n")):
        assert configuration.out == "generated"
        assert configuration.package_for("user-service") == "generated.user_service"
        assert configuration.handlers_for("user-service") == "services.user_service.handlers"


def test_a_team_sets_its_own_names(tmp_path: Path) -> None:
    configuration = configured(
        tmp_path,
        '[tool.headwater]\nspec = "api.yaml"\nout = "src/acme"\n'
        'package = "acme.{service}.contract"\nhandlers = "acme.{service}.work"\n',
    )

    assert configuration.spec_paths() == (tmp_path / "api.yaml",)
    assert configuration.package_for("user-service") == "acme.user_service.contract"
    assert configuration.handlers_for("user-service") == "acme.user_service.work"


def test_the_package_follows_the_output_folder(tmp_path: Path) -> None:
    configuration = configured(tmp_path, '[tool.headwater]\nout = "src/made"\n')

    assert configuration.package_for("user-service") == "src.made.user_service"


def test_specs_are_found_by_their_service(tmp_path: Path) -> None:
    """Files of types are there to be imported; `lock` and `upcasts` hold no specs.

    What is nearly a spec is found, or nobody would be told what is wrong with it.
    """
    spec = tmp_path / "spec"
    for name, text in {
        "users.yaml": SPEC,
        "orders.yaml": "\ufeff" + SPEC,
        "json.yaml": '{"headwater": 1, "service": "x"}',
        "flow.yaml": "{headwater: 1, service: x}",
        "indented.yaml": "---\n# All of it.\n  headwater: 1\n  service: x\n",
        "windows.yaml": SPEC.replace("\n", "\r\n"),
        "old-mac.yaml": SPEC.replace("\n", "\r"),
        "forgotten.yaml": "headwater: 1\nstreams: {}\n",
        "empty.yaml": "",
        "money.yaml": "headwater: 1\ntypes:\n  Order: {fields: {service: string}}\nx-us: 1\n",
        "json-money.yaml": '{\n  "headwater": 1,\n  "types": {"A": {"enum": ["service"]}}}',
        "foreign.yaml": "openapi: 3.1.0\ninfo:\n  service: x\n",
        "notes.txt": SPEC,
        "billing/billing.yaml": SPEC,
        "billing/events.yaml": "workflows: {}\n",
        "shared/types.yaml": "headwater: 1\ntypes: {}\n",
        "lock/users.yaml": SPEC,
        "upcasts/users.yaml": SPEC,
    }.items():
        (spec / name).parent.mkdir(parents=True, exist_ok=True)
        (spec / name).write_text(text, encoding="utf-8")

    found = [path.relative_to(spec).as_posix() for path in Configuration(tmp_path).spec_paths()]

    assert found == [
        "billing", "empty.yaml", "flow.yaml", "forgotten.yaml", "indented.yaml",
        "json.yaml", "old-mac.yaml", "orders.yaml", "users.yaml", "windows.yaml",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "spec = 1",
        "spec = []",
        'spec = ["a.yaml", "a.yaml"]',
        'spec = "../a.yaml"',
        'spec = "/a.yaml"',
        'out = ""',
        'out = "/tmp"',
        'out = "../x"',
        "out = 1",
        'package = "a-b"',
        'package = "a.class"',
        'package = ""',
        "package = true",
        'handlers = "a..b"',
        'unknown = "x"',
    ],
)
def test_a_wrong_key_is_told_where_it_stands(line: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        configured(tmp_path, f"[project]\nname = 'x'\n\n[tool.headwater]\n{line}\n")

    [problem] = caught.value.problems
    assert (problem.code, problem.file, problem.line) == ("HW016", "pyproject.toml", 5)
    assert problem.text == line


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('out = "../x"', '"out" must be a folder inside the project, not "../x"'),
        (
            'spec = ["a.yaml", "/b.yaml"]',
            '"spec" must be a path inside the project, or a list of such paths, not "/b.yaml"',
        ),
        (
            "handlers = true",
            '"handlers" must be an import name such as acme.users.contract, not true',
        ),
    ],
)
def test_a_wrong_value_is_told_with_what_it_must_be(
    line: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as caught:
        configured(tmp_path, f"[tool.headwater]\n{line}\n")

    assert [problem.message for problem in caught.value.problems] == [message]


@pytest.mark.parametrize(
    "text", ["[tool.headwater", "tool = 1", "[tool]\nheadwater = 1\n", "a = \x00"]
)
def test_a_file_that_is_no_configuration_is_refused_or_has_none(text: str, tmp_path: Path) -> None:
    if text == "tool = 1":
        assert configured(tmp_path, text).spec is None
        return
    with pytest.raises(SpecError):
        configured(tmp_path, text)


def test_an_output_folder_that_is_a_link_to_the_outside_is_refused(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "generated").symlink_to(tmp_path)

    with pytest.raises(SpecError):
        configured(project, '[tool.headwater]\nout = "generated"\n')


def test_the_root_is_the_nearest_project_upwards(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)

    assert find_root(deep) == tmp_path


def test_configuration_and_problems_import_nothing_heavy() -> None:
    """A run with nothing to do reads the configuration and must stay fast."""
    code = (
        "import sys, headwater_generator.configuration, headwater_generator.verbs.check,"
        " headwater_generator.verbs.explain;"
        "heavy = {'yaml', 'pydantic', 'typer', 'jinja2', 'json', 'datamodel_code_generator'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert result.stdout == "[]\n"
