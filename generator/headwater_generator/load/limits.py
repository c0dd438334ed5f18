"""How large a spec may be."""

from __future__ import annotations

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_LINES", "MAX_TEXT"]

MAX_BYTES = 8 * 1024 * 1024  # of a spec, all its files together
MAX_LINES = 100_000  # of a spec, all its files together
MAX_DEPTH = 64  # mappings and lists inside each other
MAX_TEXT = 20_000  # characters of one scalar
