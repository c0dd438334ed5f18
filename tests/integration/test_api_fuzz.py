"""schemathesis against the sample service, over a socket: what it describes is what it does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from headwater.transports.tokens import fingerprint_of, new_token

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds
CONFIG = Path(__file__).parent / "schemathesis.toml"
# An email is what the email-validator package takes: no reserved domain such as .test, which
# JSON Schema's `format` cannot say. Wrong ones are sent all the same, where wrong data is.
PROGRAM = r"""
import schemathesis
from hypothesis import strategies
from schemathesis.cli import schemathesis as run

emails = strategies.from_regex(r"\A[a-z][a-z0-9]{0,9}@[a-z]{2,12}\.(com|org|net)\Z")
schemathesis.openapi.format("email", emails)
run()
"""
TOKEN = new_token()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """The URL of the sample service, on SQLite and with a token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "headwater", "run", "services.user_service", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={
            **os.environ,
            "HEADWATER_DATABASE": f"sqlite:///{tmp_path}/users.db",
            "HEADWATER_TOKENS": fingerprint_of(TOKEN),
            "HEADWATER_LOG_LEVEL": "error",
        },
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Listening on http://"), line
        yield line.split()[-1]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def test_whatever_is_sent_the_service_does_as_it_describes(
    service: str, whole: bool, tmp_path: Path
) -> None:
    """No server error, no status, header or body that is not described, no way round the token."""
    examples = "200" if whole else "8"
    done = subprocess.run(
        [
            *(sys.executable, "-c", PROGRAM, "--config-file", str(CONFIG), "run"),
            f"{service}/openapi.json",
            *("--header", f"Authorization: Bearer {TOKEN}"),
            *("--max-examples", examples, "--seed", "1", "--workers", "1", "--no-color"),
            *("--generation-database", "none"),
        ],
        cwd=tmp_path,  # it keeps what it found there
        capture_output=True,
        text=True,
        timeout=1800 if whole else 300,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    cases = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert cases, done.stdout
    assert int(cases[2]) > 100
