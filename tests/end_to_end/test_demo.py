"""The demo: what `make demo` shows, and that it fails where something is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgres import Server

ROOT = Path(__file__).parents[2]
FSYNC_IS_OFF = re.compile(r"^\S+: fsync is off: .*\n", re.MULTILINE)  # of servers for tests


def run_demo(cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def test_it_shows_commands_events_and_a_refusal_and_can_be_repeated(tmp_path: Path) -> None:
    """Each run finds what the ones before it have left."""
    database = f"sqlite:///{tmp_path}/users.db"
    for run in (1, 2):
        done = run_demo(HEADWATER_DATABASE=database)

        assert (done.returncode, done.stderr) == (0, "")
        for expected in (
            "> POST /api/commands/add-user",
            f'"version": 1, "data": {{"user_id": {4 * run - 3}, "name": "Mary Somerville"}}}}\n',
            f"    user-analytics: UserAddedV3(user_id={4 * run - 3}, first_name=***",
            f"source=<Source.MIGRATION: 'migration'>); users: {3 * run - 2}\n",
            f"    legacy-directory: UserAddedV1(user_id={4 * run - 3}, name=***) of version 1",
            f"    user-analytics: UserAddedV3(user_id={4 * run - 2}, first_name=***",
            f"UserRemovedV1(user_id={4 * run - 2}); users: {3 * run - 1}\n",
            f"    legacy-directory: UserAddedV1(user_id={4 * run - 2}, name=***) of version 3",
            "    invitation-processor: UserInvitedV1(email=***",
            "would welcome user 7",
            '"type": "urn:headwater:problem:command-rejected"',
            '"type": "urn:headwater:problem:workflow-ended"',
            "stopped with exit status 0",
            f"All {5 * run} events of the stream are still there",
        ):
            assert expected in done.stdout
        assert ("from earlier runs" in done.stdout) == (run == 2)


def test_on_postgres_one_of_two_processes_is_killed_and_nothing_is_lost(postgres: Server) -> None:
    """The tables are made by the migration it shows."""
    url = postgres.run(postgres.create_database())
    try:
        done = run_demo(HEADWATER_DATABASE=url)
    finally:
        postgres.run(postgres.drop_database(url))

    assert (done.returncode, FSYNC_IS_OFF.sub("", done.stderr)) == (0, "")
    for expected in (
        f"$ headwater migrate upgrade services.user_service --database {url}\n",
        "$ kill -KILL (the first process, which has acknowledged 40 users)\n",
        "user-analytics (broadcast): the second process counted all 200 by itself.\n",
        "users: all 200 are recorded, each once, and no offset is missing.\n",
        "All 205 events of the stream are still there",
    ):
        assert expected in done.stdout
    counted = re.search(
        r"(\d+) events in the first, (\d+) in the second; 0 of 200 lost, (\d+) came again",
        done.stdout,
    )
    assert counted
    first, second, again = map(int, counted.groups())
    assert first + second == 200 + again
    assert second > 0


def test_it_leaves_its_data_in_a_folder_that_git_ignores(tmp_path: Path) -> None:
    done = run_demo(cwd=tmp_path, PYTHONPATH=str(ROOT))

    assert done.returncode == 0
    assert (tmp_path / "data" / "demo" / "users.db").exists()
    assert "data/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"HEADWATER_DATABASE": "nosql://"}, "the replay of users ended with exit status 2"),
        ({"HEADWATER_HOST": "192.0.2.1"}, "the service ended before it said 'user-analytics: "),
        ({"HEADWATER_MAX_BODY": "10"}, "add-user was answered with 413, not 200"),
    ],
)
def test_where_something_is_wrong_it_says_so_and_fails(
    setting: dict[str, str], reason: str, tmp_path: Path
) -> None:
    done = run_demo(cwd=tmp_path, PYTHONPATH=str(ROOT), **setting)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"demo: {reason}")
