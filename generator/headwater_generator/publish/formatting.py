"""ruff over all Python files that changed, once a run, in lines as long as the team's own."""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

__all__ = ["CONFIGURATIONS", "Formatter", "FormattingError", "line_length"]

DEFAULT_LINE_LENGTH = 88  # characters; ruff's own
MEMORY_LIMIT = 5_000  # files remembered
CONFIGURATIONS = (".ruff.toml", "ruff.toml", "pyproject.toml")  # the first there is counts


class FormattingError(Exception):
    """ruff refused what was rendered: a fault of the generator; nothing was written."""


def line_length(root: Path) -> int:
    """Return the line length that the project's ruff configuration states, or else ruff's own."""
    for name in CONFIGURATIONS:
        try:
            document = tomllib.loads((root / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        table: object = document
        if name == "pyproject.toml":
            tool = document.get("tool")
            table = tool.get("ruff") if isinstance(tool, dict) else None
        if isinstance(table, dict):
            length = table.get("line-length", DEFAULT_LINE_LENGTH)
            is_usable = isinstance(length, int) and 1 <= length <= 320
            return length if is_usable else DEFAULT_LINE_LENGTH
    return DEFAULT_LINE_LENGTH


class Formatter:
    """Formats Python files. What it has formatted before and is still on the disk is reused.

    `memory` is a file that tells which rendered text became which formatted text, by their hashes.
    It may be deleted at any time; `None`: nothing is remembered.
    """

    def __init__(self, width: int, first_party: Iterable[str], memory: Path | None) -> None:
        self._options = [
            "--isolated",
            "--no-cache",
            "--quiet",
            "--config", f"line-length = {width}",
            "--config", 'target-version = "py311"',
        ]  # fmt: skip
        self._sorting = [
            "--config", 'lint.isort.known-third-party = ["headwater"]',
            "--config", f"lint.isort.known-first-party = {json.dumps(sorted(set(first_party)))}",
        ]  # fmt: skip
        self._memory = memory
        settings = json.dumps([version("ruff"), self._options, self._sorting])
        self._settings = hashlib.sha256(settings.encode())

    def format(self, files: Mapping[Path, str]) -> dict[Path, bytes]:
        """Return the formatted content of Python files; others are encoded as they are.

        Raises:
            FormattingError: A file is not Python.
        """
        known = _read(self._memory) if self._memory else {}
        result: dict[Path, bytes] = {}
        waiting: dict[Path, tuple[str, str]] = {}
        for path, text in files.items():
            if path.suffix != ".py" or not text:
                result[path] = text.encode()
                continue
            key = self._key(text)
            on_disk = _content(path) if key in known else None
            if on_disk is not None and hashlib.sha256(on_disk).hexdigest() == known[key]:
                result[path] = on_disk
            else:
                waiting[path] = (key, text)
        if waiting:
            formatted = self._run([text for _, text in waiting.values()])
            for (path, (key, _)), content in zip(waiting.items(), formatted, strict=True):
                result[path] = content
                known[key] = hashlib.sha256(content).hexdigest()
            if self._memory:
                _write(self._memory, known)
        return result

    def _key(self, text: str) -> str:
        key = self._settings.copy()
        key.update(text.encode())
        return key.hexdigest()

    def _run(self, texts: list[str]) -> list[bytes]:
        with tempfile.TemporaryDirectory(prefix="headwater-") as name:
            folder = Path(name)
            # A package: relative imports are then what they are.
            paths = [folder / f"f{index}.py" for index in range(len(texts))]
            for path, text in zip(paths, texts, strict=True):
                path.write_bytes(text.encode())
            select = ["--select", "I,F401,RUF022", "--fix-only"]
            _ruff("check", *self._options, *self._sorting, *select, name)
            _ruff("format", *self._options, name)
            return [path.read_bytes() for path in paths]


def _ruff(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - ruff's own program with arguments of ours
        [_program(), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise FormattingError(f"ruff {arguments[0]} failed: {done.stderr.strip()}")


@functools.cache
def _program() -> str:
    from ruff import find_ruff_bin  # type: ignore[import-untyped]  # it has no stubs

    return str(find_ruff_bin())


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _read(path: Path) -> dict[str, str]:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {str(key): value for key, value in known.items() if isinstance(value, str)}


def _write(path: Path, known: dict[str, str]) -> None:
    from ..replacing import replace

    kept = dict(list(known.items())[-MEMORY_LIMIT:])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, json.dumps(kept).encode())
    except OSError:
        return  # costs time and nothing else
