"""What earlier runs made of which origin, so that what would come out again is not made again.

The files themselves are what is remembered; here are only hashes: of what a file was made from, and
of what it was then. A file that is not as it was, by its content, is made again, and so is all that
another generator made. So nothing that stands here can bring about a wrong file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

__all__ = ["Memory"]

_Known = dict[str, tuple[str, str]]


class Memory:
    """Files by their paths, as far as the last run made them; only these are kept.

    Args:
        path: Where it is kept, and may be deleted at any time; `None`: nothing is remembered.
        edition: Stands for the generator and all that it uses.
    """

    def __init__(self, path: Path | None, edition: str) -> None:
        self._path = path
        self._edition = edition
        self._known = _read(path, edition) if path else {}
        self._made: _Known = {}

    def holds(self, path: Path, origin: str, content: bytes) -> bool:
        """Tell whether what lies at a path is what was made there of this origin."""
        known = self._known.get(str(path))
        if known is None or known[0] != origin or known[1] != _hash(content):
            return False
        self._made[str(path)] = known
        return True

    def text(self, path: Path, origin: str, make: Callable[[], str]) -> str:
        """Return what is made of an origin: what lies at the path, if that was, else made now."""
        try:
            content = path.read_bytes()
        except OSError:
            content = b""
        if self.holds(path, origin, content):
            return content.decode()
        text = make()
        self.note(path, origin, text.encode())
        return text

    def note(self, path: Path, origin: str, content: bytes) -> None:
        """Remember what is made of an origin, unless that is known."""
        if self._path and str(path) not in self._made:
            self._made[str(path)] = (origin, _hash(content))

    def save(self) -> None:
        """Keep what was noted. Only once the files are written."""
        if self._path is None or self._made == self._known:
            return
        from ..replacing import replace

        document = {"edition": self._edition, "files": self._made}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace(self._path, json.dumps(document).encode())
        except OSError:
            return  # costs time and nothing else


def _read(path: Path, edition: str) -> _Known:
    try:
        document = json.loads(path.read_bytes())
        if document["edition"] != edition:
            return {}
        return {str(name): (str(one[0]), str(one[1])) for name, one in document["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return {}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
