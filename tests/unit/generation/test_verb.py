"""`headwater generate` as a command: arguments in, status, stdout and stderr out."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headwater_generator.codes import CODES, writing
from headwater_generator.outputs.templates import templates_folder
from headwater_generator.verbs.generate import run
from headwater_generator.version import VERSION

if TYPE_CHECKING:
    from .conftest import Project

ROOT = Path(__file__).parents[3]


@pytest.fixture
def inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(project.root)
    return project


def test_it_tells_what_it_wrote_and_then_that_nothing_is_left(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([]) == 0
    first = capsys.readouterr()
    assert "wrote    generated/user_service/events.py" in first.out
    assert "created  services/user_service/handlers/add_user.py" in first.out
    assert first.out.endswith("\nuser-service: 32 generated files, 32 written, 4 created\n")
    assert first.err == ""

    assert run([]) == 0
    assert capsys.readouterr().out == "user-service: 32 generated files, up to date\n"


def test_what_the_team_has_to_do_is_told_in_one_block_and_counted(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run([])
    inside.change("terminal: true, fields: {user_id: int}", "terminal: true")
    inside.change(
        "  AddUser: {", "  DropUser: {continues: User, by: id, fields: {id: int}}\n  AddUser: {"
    )
    (inside.handlers / "audit.py").unlink()
    capsys.readouterr()

    assert run([]) == 0

    told = capsys.readouterr().out
    folder = "services/user_service/handlers"
    deleted = "deleted; headwater generate --stubs audit makes it again"
    assert f"to do    {folder}/audit.py: {deleted}\n" in told
    assert (
        f"to do    {folder}/__init__.py does not import 1 function; paste:\n"
        "         | from .drop_user import drop_user\n"
        '         | # and into __all__: "drop_user",\n'
    ) in told
    assert " written, 1 created, 2 to do\n" in told
    assert run([]) == 0
    assert capsys.readouterr().out.endswith("generated files, up to date, 2 to do\n")


def test_what_is_removed_is_counted_by_itself(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run([])
    inside.change("      UserRemoved: {terminal: true, fields: {user_id: int}}\n", "")
    capsys.readouterr()

    assert run([]) == 0

    assert " written, 2 removed\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            ("shop", "other.contract", "shop.handlers"),
            (
                '"other.contract" would go to shop/other/contract, where it cannot be imported: '
                "shop is a package itself"
            ),
        ),
        (
            ("lib/shop", "other.contract", "shop.handlers"),
            (
                '"other.contract" would go to lib/shop/other/contract, and "shop.handlers" with it '
                "to lib/shop/shop/handlers"
            ),
        ),
        (
            ("gen", "shop.contract", "shop.handlers"),
            '"shop.contract" would go to gen/shop/contract, but shop is imported from shop/',
        ),
        (
            ("src", "acme.contract", "work.{service}.handlers"),
            (
                "the handlers are in work/user_service/handlers, and would be made again in "
                "src/work/user_service/handlers"
            ),
        ),
    ],
    ids=["inside a package", "apart", "found elsewhere", "a second set"],
)
def test_places_that_do_not_fit_each_other_are_refused(
    inside: Project, capsys: pytest.CaptureFixture[str], settings: tuple[str, str, str], told: str
) -> None:
    """Python would not find what is written there, or find something else."""
    out, package, handlers = settings
    for folder in ("shop", "work/user_service/handlers"):
        (inside.root / folder).mkdir(parents=True)
        (inside.root / folder / "__init__.py").touch()
    inside.configure(
        f'[tool.headwater]\nout = "{out}"\npackage = "{package}"\nhandlers = "{handlers}"\n'
    )
    before = inside.files()

    assert run([]) == 2

    assert f"pyproject.toml:2:1: error[HW016]: {told}\n" in capsys.readouterr().err
    assert inside.files() == before


def test_a_package_that_lies_below_its_own_name_twice_is_no_trouble(inside: Project) -> None:
    inside.configure(
        '[tool.headwater]\nout = "acme/acme"\npackage = "acme.contract"\n'
        'handlers = "acme.handlers"\n'
    )

    assert run([]) == 0
    assert run([]) == 0
    assert (inside.root / "acme" / "acme" / "handlers" / "add_user.py").exists()


def test_a_wrong_spec_is_status_2_and_writes_nothing(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    inside.change("stream: users\n", "stream: nowhere\n")

    assert run([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "spec/user_service.yaml:7:" in printed.err
    assert not inside.package.exists()


def test_a_check_is_status_1_where_something_differs(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--check"]) == 1
    assert "error[HW711]: missing" in capsys.readouterr().err
    run([])
    assert run(["--check"]) == 0


def test_formats_for_programs_go_to_stdout(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--check", "--format", "json"]) == 1
    printed = capsys.readouterr()
    assert {problem["code"] for problem in json.loads(printed.out)["problems"]} == {"HW711"}
    assert run(["--check", "--format", "github"]) == 1
    assert "::error file=generated/user_service/events.py,title=HW711::" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--format", "xml"]])
def test_a_wrong_call_is_status_2(inside: Project, arguments: list[str]) -> None:
    assert run(arguments) == 2


def test_it_works_from_a_folder_inside_the_project(
    inside: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inside.spec.parent)

    assert run(["user_service.yaml"]) == 0
    assert (inside.package / "events.py").exists()


def test_out_and_services_name_folders_and_with_them_packages(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--out", "lib/contracts", "--services", "apps"]) == 0

    stub = (inside.root / "apps" / "user_service" / "handlers" / "add_user.py").read_text()
    assert "from contracts.user_service import AddUser" in stub
    assert (inside.root / "lib" / "contracts" / "user_service" / "events.py").exists()
    assert not (inside.root / "services").exists()


def test_a_teams_own_names_are_followed(inside: Project) -> None:
    """`out` is the import root, or any folder on the way from there to the package."""
    inside.configure(
        '[tool.headwater]\nout = "src"\npackage = "acme.users.contract"\n'
        'handlers = "acme.users.handlers"\n'
    )

    assert run([]) == 0

    users = inside.root / "src" / "acme" / "users"
    assert (users / "contract" / "events.py").exists()
    assert "from acme.users.contract import" in (users / "handlers" / "add_user.py").read_text()
    assert "from . import handlers" in (users / "app.py").read_text()
    assert run(["--check"]) == 0


def test_lines_are_as_long_as_the_team_has_them(inside: Project) -> None:
    inside.change("name: string}}", f"name: {{type: string, description: '{'long ' * 12}'}}}}}}")
    run([])
    narrow = (inside.package / "events.py").read_text()
    inside.configure("[tool.headwater]\n[tool.ruff]\nline-length = 120\n")

    assert run([]) == 0

    wide = (inside.package / "events.py").read_text()
    assert len(wide.splitlines()) < len(narrow.splitlines())
    assert max(map(len, wide.splitlines())) > 88


@pytest.mark.parametrize("odd", ["tool = 1", "[tool]\nruff = 1", "[tool.ruff]\nline-length = 0"])
def test_settings_of_ruff_that_are_none_are_passed_over(inside: Project, odd: str) -> None:
    inside.configure(f"{odd}\n")

    assert run([]) == 0


def test_a_service_that_would_hide_a_module_of_python_is_refused_where_it_would(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below `generated` it may be called so; beside it, `import json` would find it."""
    inside.change("service: user-service", "service: json")
    assert run([]) == 0
    inside.configure('[tool.headwater]\nout = "."\n')
    capsys.readouterr()

    assert run([]) == 2

    assert 'error[HW016]: a package "json" of yours would hide' in capsys.readouterr().err
    assert not (inside.root / "json").exists()


def test_templates_are_found_beside_the_sources() -> None:
    assert (templates_folder() / "events.py.j2").is_file()


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == VERSION


def test_every_code_of_writing_is_registered_and_raised_by_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))

    for code in writing.CODES:
        assert CODES[code.id] is code
        assert f'"{code.id}"' in tests or f"[{code.id}]" in tests
