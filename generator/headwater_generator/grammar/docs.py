"""The files of `docs/` that are rendered from the grammar.

`python -m headwater_generator.grammar.docs` writes them; with `--check` it only tells, with status
1, whether they are up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .reference import reference
from .schema import schema

__all__ = ["main", "render_docs"]


def render_docs() -> dict[str, str]:
    """Return the text of each file by its path in the repository."""
    return {
        "docs/headwater.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
        "docs/spec-reference.md": reference(),
    }


def main(argv: Sequence[str], root: Path) -> int:
    """Write the files below the root, or only compare; return the exit status."""
    stale = 0
    for name, text in render_docs().items():
        path = root / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale = 1
        if "--check" in argv:
            sys.stderr.write(f"{name}: out of date, run `make generate`\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            sys.stdout.write(f"wrote {name}\n")
    return stale if "--check" in argv else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
