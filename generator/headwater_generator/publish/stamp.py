"""What the last run read and wrote: deciding that there is nothing to do, by looking at files only.

A stamp belongs to one command line in one folder. It lives in the project's cache, holds for this
machine and may be deleted. Nothing heavy is imported here.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence

__all__ = ["Stamp", "edition", "stamp_path"]

FORMAT = 1
# A file changed so shortly before its time was taken may change again without another time.
RACY = 50_000_000  # nanoseconds

_Seen = list[int | str]


class Stamp:
    """The inputs and outputs of a run."""

    def __init__(self, content: dict[str, object]) -> None:
        self._content = content
        self._hashed = 0

    @classmethod
    def take(
        cls,
        *,
        inputs: Iterable[str],
        absent: Iterable[str],
        folders: Iterable[str],
        outputs: Iterable[str],
        message: str,
        started: int,
    ) -> Stamp | None:
        """Record a run that ended well; `None` if an input may have changed while it ran.

        Args:
            inputs: Files that were read.
            absent: Files that were looked for and not found.
            folders: Folders in which files were looked for.
            outputs: Files as they are now.
            message: What a run that has nothing to do prints.
            started: When the run began to read, in nanoseconds since the epoch.
        """
        seen = {path: _see(path) for path in inputs}
        if any(one is None or int(one[0]) > started - RACY for one in seen.values()):
            return None
        return cls(
            {
                "format": FORMAT,
                "taken": time.time_ns(),
                "tools": _tools(),
                "inputs": seen,
                "absent": sorted(absent),
                "folders": {path: _listing(path) for path in folders},
                "outputs": {path: _see(path) for path in outputs},
                "message": message,
            }
        )

    @classmethod
    def read(cls, path: str) -> Stamp | None:
        """Return a stored stamp; `None` if there is none that can be read."""
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - pathlib is not needed otherwise
                content = json.load(file)
        except (OSError, ValueError):
            return None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            return None
        return cls(content)

    def save(self, path: str) -> None:
        """Store the stamp."""
        from pathlib import Path

        from ..replacing import replace

        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            replace(target, json.dumps(self._content).encode())
        except OSError:
            return  # the next run takes the long way

    @property
    def message(self) -> str:
        """What a run that has nothing to do prints."""
        return str(self._content["message"])

    def refresh(self, path: str) -> None:
        """Store the stamp again where files had to be read: their times can be trusted by now."""
        if self._hashed:
            self._content["taken"] = time.time_ns()
            self.save(path)

    def holds(self) -> bool:
        """Tell whether everything that was read and written is as it was."""
        content = self._content
        try:
            taken = int(str(content["taken"]))
            return (
                content["tools"] == _tools()
                and not any(map(os.path.lexists, _texts(content["absent"])))
                and all(_listing(path) == names for path, names in _items(content["folders"]))
                and all(
                    self._is_same(path, seen, taken)
                    for key in ("inputs", "outputs")
                    for path, seen in _items(content[key])
                )
            )
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            return False

    def _is_same(self, path: str, seen: object, taken: int) -> bool:
        """Tell whether a file is as it was seen: by time and size where these can be trusted."""
        if not isinstance(seen, list):
            return False
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            return False
        modified, size, sha256 = seen
        if status.st_size != size:
            return False
        if status.st_mtime_ns == modified and modified < taken - RACY:
            return True
        self._hashed += 1
        now = _see(path)
        return now is not None and now[2] == sha256


def stamp_path(root: str, folder: str, arguments: Sequence[str]) -> str:
    """Return where the stamp of a command line in a folder is stored."""
    key = hashlib.sha256(json.dumps([folder, *arguments]).encode()).hexdigest()[:32]
    return os.path.join(root, ".headwater", "cache", "runs", f"{key}.json")  # noqa: PTH118


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _items(value: object) -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        raise TypeError
    return list(value.items())


def _see(path: str) -> _Seen | None:
    """Return time, size and hash of a file."""
    try:
        status = os.stat(path)  # noqa: PTH116
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read()
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size, hashlib.sha256(content).hexdigest()]


def _listing(path: str) -> list[str]:
    try:
        names = os.listdir(path)  # noqa: PTH208
    except OSError:
        return []
    return sorted(name for name in names if not name.startswith((".", "__pycache__")))


def edition() -> str:
    """Return a hash that is another one as soon as the generator is, or what is installed."""
    return hashlib.sha256(json.dumps(_tools()).encode()).hexdigest()


@functools.cache
def _tools() -> dict[str, object]:
    """Return what the generator is: its own files, its templates, and what is installed."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    inside = os.path.join(package, "templates")  # noqa: PTH118
    beside = os.path.join(os.path.dirname(os.path.dirname(package)), "templates")  # noqa: PTH118, PTH120
    files: list[_Seen] = []
    for top in (package, inside if os.path.isdir(inside) else beside):  # noqa: PTH112
        _scan(top, files)
    installed = [
        [path, os.stat(path).st_mtime_ns]  # noqa: PTH116
        for path in sys.path
        if path.endswith("-packages") and os.path.isdir(path)  # noqa: PTH112
    ]
    return {"python": sys.version, "files": files, "installed": installed}


def _scan(folder: str, files: list[_Seen]) -> None:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir():
                if entry.name != "__pycache__":
                    _scan(entry.path, files)
            elif entry.name.endswith((".py", ".j2")):
                status = entry.stat()
                files.append([entry.path, status.st_mtime_ns, status.st_size])
