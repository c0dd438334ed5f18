"""protoc over all protos of a package, in process, once for each state of them.

What it writes is kept as it is but for three things: modules find each other relatively, messages
are described in the package's own pool, and linters and type checkers are told to pass it over.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

__all__ = ["CompilationError", "Compiler"]

FORMAT = 1
MEMORY_LIMIT = 50  # packages remembered
HEADER = "# mypy: ignore-errors\n# ruff: noqa\n# fmt: off\n# isort: skip_file\n"

_SIBLING = re.compile(r"^from [\w.]+ import (?=\w+_pb2 as )", re.MULTILINE)
_WELL_KNOWN = "from google.protobuf import "
_POOL = "_descriptor_pool.Default()"


class CompilationError(Exception):
    """protoc refused what was rendered: a fault of the generator; nothing was written."""


class Compiler:
    """Compiles protos. `memory` is a folder of results by content, and may be deleted any time."""

    def __init__(self, memory: Path, *, read_only: bool = False) -> None:
        self._memory = memory
        self._read_only = read_only

    def compile(self, protos: Mapping[str, str]) -> dict[str, str]:
        """Return Python modules and their stubs by file name.

        Args:
            protos: The files that import each other, by path, such as `shop/v1/events.proto`.

        Raises:
            CompilationError: One of them is no proto.
        """
        key = hashlib.sha256(
            json.dumps([FORMAT, HEADER, version("grpcio-tools"), sorted(protos.items())]).encode()
        ).hexdigest()
        path = self._memory / f"{key}.json"
        known = _read(path)
        if known is None:
            known = _compiled(protos)
            if not self._read_only:
                self._save(path, known)
        return known

    def _save(self, path: Path, made: dict[str, str]) -> None:
        from ..replacing import replace

        try:
            self._memory.mkdir(parents=True, exist_ok=True)
            replace(path, json.dumps(made).encode())
            kept = sorted(self._memory.glob("*.json"), key=lambda one: one.stat().st_mtime_ns)
            for old in kept[:-MEMORY_LIMIT]:
                old.unlink(missing_ok=True)
        except OSError:
            return  # costs time and nothing else


def _read(path: Path) -> dict[str, str] | None:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    is_usable = isinstance(known, dict) and all(isinstance(text, str) for text in known.values())
    return known if is_usable else None


def _compiled(protos: Mapping[str, str]) -> dict[str, str]:
    import grpc_tools  # type: ignore[import-untyped]  # it has no stubs

    # Its own front imports several times as much.
    from grpc_tools import _protoc_compiler

    known = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory(prefix="headwater-") as name:
        source, made = Path(name, "proto"), Path(name, "python")
        made.mkdir()
        for path, text in protos.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(text.encode())
        arguments = [
            "protoc", f"-I{source}", f"-I{known}", f"--python_out={made}", f"--pyi_out={made}",
            *protos,
        ]  # fmt: skip
        if _protoc_compiler.run_main([os.fsencode(one) for one in arguments]):
            raise CompilationError(f"protoc failed on {', '.join(protos)}; it says why above")
        return {
            path.name: _adapted(path.read_text(encoding="utf-8"))
            for path in sorted(made.rglob("*_pb2.py*"))
        }


def _adapted(text: str) -> str:
    lines = [
        line if line.startswith(_WELL_KNOWN) else _SIBLING.sub("from . import ", line)
        for line in text.splitlines()
    ]
    own = "\n".join(lines).replace(_POOL, "_POOL")
    if "_POOL" in own:
        own = own.replace(
            "from google.protobuf import descriptor_pool as _descriptor_pool",
            "from .pool import POOL as _POOL",
        )
    return f"{HEADER}{own}\n"
