"""The `headwater` command: what it prints where, and with which exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint, version

import pytest
from headwater.cli import dispatcher, main


@pytest.fixture
def verbs(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """The installed verbs, to add to."""
    own: list[EntryPoint] = []
    monkeypatch.setattr(dispatcher, "_own_verbs", lambda: iter(own))
    monkeypatch.setattr(dispatcher, "_other_verbs", lambda: iter(()))
    return own


def verb(name: str, module: str) -> EntryPoint:
    return EntryPoint(name, f"{module}:run", dispatcher.GROUP)


def module(
    monkeypatch: pytest.MonkeyPatch, name: str, run: object, summary: str = "does it"
) -> EntryPoint:
    from types import ModuleType

    made = ModuleType(name)
    vars(made).update(run=run, SUMMARY=summary)
    monkeypatch.setitem(sys.modules, name, made)
    return verb(name.rpartition(".")[2], name)


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr() == (f"headwater {version('headwater')}\n", "")


def test_the_version_comes_without_any_heavy_import() -> None:
    """What is imported before a verb is known is paid for by every call."""
    program = (
        "import sys; from headwater.cli import main; main(['--version']); "
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    imported = set(done.stderr.split())

    assert not imported & {
        "asyncio",
        "datamodel_code_generator",
        "fastapi",
        "headwater.errors",
        "jinja2",
        "pydantic",
        "structlog",
        "typer",
        "uvicorn",
        "yaml",
    }


def test_help_lists_every_verb_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    own = ("dead-letters", "replay", "run", "streams", "subscriptions", "token")
    for name in ("check", "explain", "generate", "init", *own):
        assert f"\n  {name} " in out
    assert "cannot be loaded" not in out


def test_the_help_comes_without_any_heavy_import() -> None:
    program = (
        "import sys; from headwater.cli import main; main(['--help']); "
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not set(done.stderr.split()) & {"jinja2", "pydantic", "typer", "uvicorn", "yaml"}


def test_without_a_verb_the_help_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: headwater VERB" in err


def test_an_unknown_verb_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["genrate"]) == 2
    assert capsys.readouterr() == ("", "headwater: no verb 'genrate'; did you mean 'generate'?\n")


def test_an_unknown_verb_that_is_like_none_gets_the_list(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["xyzzy"]) == 2
    message = capsys.readouterr().err
    assert "there are: breaking, check, dead-letters, " in message
    assert ", replay, run, streams, subscriptions, token" in message


def test_an_unknown_option_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--colour"]) == 2
    assert "no option '--colour'" in capsys.readouterr().err


def test_a_verb_gets_the_rest_of_the_line_and_gives_the_status(
    monkeypatch: pytest.MonkeyPatch, verbs: list[EntryPoint]
) -> None:
    seen: list[list[str]] = []

    def run(argv: list[str]) -> int:
        seen.append(argv)
        return 1

    verbs.append(module(monkeypatch, "elsewhere.probe", run))

    assert main(["probe", "--help", "x"]) == 1
    assert seen == [["--help", "x"]]


def test_a_missing_extra_is_named_with_what_brings_it(
    monkeypatch: pytest.MonkeyPatch,
    verbs: list[EntryPoint],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(argv: list[str]) -> int:
        raise ModuleNotFoundError("No module named 'yaml'", name="yaml.nodes")

    verbs.append(module(monkeypatch, "headwater_generator.probe", run))

    assert main(["probe"]) == 2
    assert capsys.readouterr().err == (
        "headwater probe needs 'yaml', which is not installed here: "
        'pip install "headwater[generator]"\n'
    )


def test_a_module_of_our_own_that_is_missing_is_a_bug(
    monkeypatch: pytest.MonkeyPatch,
    verbs: list[EntryPoint],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(argv: list[str]) -> int:
        raise ModuleNotFoundError("gone", name="headwater_generator.gone")

    verbs.append(module(monkeypatch, "headwater_generator.probe", run))

    assert main(["probe"]) == 70
    assert "this is a bug in Headwater" in capsys.readouterr().err


def test_a_crash_is_not_taken_for_a_finding(
    monkeypatch: pytest.MonkeyPatch,
    verbs: list[EntryPoint],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Status 1 means that a check found something."""

    def run(argv: list[str]) -> int:
        raise RuntimeError("boom")

    verbs.append(module(monkeypatch, "elsewhere.probe", run))

    assert main(["probe"]) == 70
    err = capsys.readouterr().err
    assert "RuntimeError: boom" in err
    assert "this is a bug in elsewhere.probe" in err


def test_an_interrupted_verb_has_status_130(
    monkeypatch: pytest.MonkeyPatch, verbs: list[EntryPoint]
) -> None:
    def run(argv: list[str]) -> int:
        raise KeyboardInterrupt

    verbs.append(module(monkeypatch, "elsewhere.probe", run))

    assert main(["probe"]) == 130


def test_our_own_verbs_go_before_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that registers `generate` as well does not take it over."""
    foreign = verb("generate", "elsewhere")
    more = verb("more", "elsewhere")
    monkeypatch.setattr(dispatcher, "entry_points", lambda *, group: [foreign, more])

    assert [one.name for one in dispatcher._other_verbs()] == ["more"]


def test_a_known_verb_is_found_without_asking_other_distributions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def entry_points(**_: object) -> object:
        raise AssertionError("looked at every installed distribution")

    monkeypatch.setattr(dispatcher, "entry_points", entry_points)

    found = dispatcher._find("run")

    assert found is not None
    assert found.module == "headwater.cli.run"


def test_a_reader_that_leaves_is_not_an_error_to_shout_about() -> None:
    """As in `headwater --help | head -0`."""
    done = subprocess.run(
        ["sh", "-c", f"{{ {sys.executable} -m headwater --help; echo $? >&2; }} | true"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip() in {"0", "141"}  # 0 where it was written before the reader left
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_broken_pipe_ends_quietly(unbuffered: str) -> None:
    """Also where Python notices it only when it flushes, and flushes again as it ends."""
    program = (
        "import os, sys\n"
        "from headwater.cli import main\n"
        "read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        "sys.exit(main(['--help']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    assert (done.returncode, done.stderr) == (141, "")
