"""The AsyncAPI documents of the sample and of the goldens, held to the official parser."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DOCUMENTS = sorted(
    [
        *ROOT.glob("generated/*/asyncapi.yaml"),
        *ROOT.glob("tests/golden/*/expected/**/asyncapi.yaml"),
    ]
)

SAMPLE = ROOT / "generated" / "user_service" / "asyncapi.yaml"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None,
    reason="Node and npm are not installed, and the official AsyncAPI parser runs on them",
)


def test_every_document_is_valid_and_a_broken_one_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    document = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    next(iter(document["operations"].values()))["action"] = "shout"
    broken.write_text(yaml.safe_dump(document), encoding="utf-8")
    subprocess.run(
        ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=HERE, check=True, timeout=300
    )

    sound = validate(*DOCUMENTS)
    unsound = validate(broken)

    assert len(DOCUMENTS) > 3
    assert (sound.returncode, sound.stderr) == (0, "")
    assert unsound.returncode == 1
    assert "action" in unsound.stderr


def validate(*documents: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", "validate.mjs", *map(str, documents)],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
