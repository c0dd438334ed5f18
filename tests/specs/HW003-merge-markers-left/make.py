"""A conflict of which one marker was overlooked."""

from __future__ import annotations

from pathlib import Path


def make(root: Path) -> None:
    text = f"headwater: 1\nservice: user-service\ntypes: {{}}\n{'>' * 7} theirs\n"
    (root / "spec.yaml").write_text(text)
