"""The README is executed: spec, excerpts of what comes out, program, mistake."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from headwater.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write down the README's spec and generate from it."""
    root = tmp_path_factory.mktemp("readme")
    (root / "pyproject.toml").write_text("[tool.headwater]\n")
    [spec] = blocks("yaml")
    title, _ = spec.split("\n", 1)
    path = root / title.removeprefix("# ")
    path.parent.mkdir()
    path.write_text(spec)  # with its title, as it is pasted
    headwater(root, "generate")
    return root


def headwater(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headwater", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=arguments[0] == "generate",
    )


def test_every_excerpt_stands_in_the_file_that_it_names(project: Path) -> None:
    excerpts = [text.split("\n", 1) for text in blocks("python") if text.startswith("# ")]

    assert len(excerpts) == 2
    for title, text in excerpts:
        assert text.strip() in (project / title.removeprefix("# ")).read_text()


def test_the_program_runs_and_prints_the_event(project: Path) -> None:
    [program] = [text for text in blocks("python") if not text.startswith("# ")]

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "Ada: Hello, stream.\n"), done.stderr


def test_the_mistake_is_reported_as_shown(project: Path) -> None:
    """The README changes one word of its own spec and shows what `headwater check` says."""
    [shown] = blocks("text")
    path = project / "spec" / "guestbook.yaml"
    right = path.read_text()
    try:
        path.write_text(right.replace("emits: [EntrySigned]", "emits: [EntrySinged]"))
        done = headwater(project, "check")
    finally:
        path.write_text(right)

    assert done.returncode == 2
    assert shown.strip() in done.stdout + done.stderr


def test_the_commands_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"^make ([\w-]+)", "\n".join(blocks("sh")), re.MULTILINE)

    assert named == ["demo", "demo-broker", "test"]
    assert set(named) <= set(targets)


def test_the_call_that_goes_on_after_init_is_what_init_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scaffold's own test runs it."""
    monkeypatch.chdir(tmp_path)

    assert main(["init", "my-service"]) == 0

    shown = blocks("sh")[-1].strip().replace("/path/to/headwater", shlex.quote(str(ROOT)))
    assert capsys.readouterr().out.endswith(f"\nNext: {shown}\n")


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
