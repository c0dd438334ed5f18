"""The page about client packages is executed: published, released, packaged, moved and read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "clients.md").read_text()
CLIENT = Path("generated") / "user_service_client"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{margin}", "", text, flags=re.MULTILINE) for margin, text in found]


class Team:
    """Whoever follows the page, in a project of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spec = root / "spec" / "user_service.yaml"
        self.spec.parent.mkdir()
        (root / "pyproject.toml").write_text("[tool.headwater]\n")

    def headwater(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        return self.python("-m", "headwater", *arguments, status=status)

    def python(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        """Run to the end, where the client package is installed, and return what was printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": f"{self.root / CLIENT}:{self.root}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout, done.stderr

    def changelog(self) -> str:
        return (self.root / CLIENT / "CHANGELOG.md").read_text()


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def test_what_the_page_shows_is_what_comes_of_it(team: Team) -> None:
    published, next_version, moved, reading_client, reading_spec = blocks("yaml")
    packaged, refused = (text.split("\n", 1)[1] for text in blocks("text"))
    team.spec.write_text(published)
    team.headwater("generate")
    team.headwater("release")
    assert team.headwater("package")[0] == packaged

    [declared] = re.findall(r"^      UserAdded: .*\n", published, re.MULTILINE)
    team.spec.write_text(published.replace(declared, next_version.split("\n", 1)[1]))
    team.headwater("generate")
    assert team.headwater("package", status=2) == ("", refused)
    team.headwater("release")
    assert "user_service_client-1.1.0.tar.gz" in team.headwater("package")[0]

    [streams] = re.findall(r"^streams: .*\n", published, re.MULTILINE)
    team.spec.write_text(team.spec.read_text().replace(streams, moved))
    team.headwater("release")
    assert "user_service_client-2.0.0.tar.gz" in team.headwater("package")[0]
    [changes] = blocks("markdown")
    assert team.changelog().endswith(changes)

    [reading] = blocks("python")
    team.python("-c", reading)

    analytics = team.spec.with_name("analytics.yaml")
    analytics.write_text(reading_client)
    team.headwater("generate", "spec/analytics.yaml")
    handler = team.root / "services" / "analytics" / "handlers" / "signups.py"
    assert "from user_service_client import UserAdded\n" in handler.read_text()
    team.python("-c", "from generated.analytics import analytics; print(analytics.remotes)")

    [by_client] = re.findall(r"^remote:\n.*\n", reading_client, re.MULTILINE)
    analytics.write_text(reading_client.replace(by_client, reading_spec))
    team.headwater("generate")
    assert (team.root / "generated" / "analytics" / "remotes").is_dir()
