"""Files that a team and the generator share: what is generated stands between two marks."""

from __future__ import annotations

from ..outputs.files import BEGIN, END

__all__ = ["section_of", "with_section"]


def section_of(content: bytes) -> bytes | None:
    """Return what stands between the marks, with line feeds; `None` where they are not there."""
    parts = _parts(content)
    return parts[1] if parts else None


def with_section(content: bytes, section: bytes) -> bytes:
    """Return a file with another section between its marks, and all else as it is."""
    parts = _parts(content)
    if parts is None:
        raise ValueError(content)
    before, _, after = parts
    made = before + section + after
    return made.replace(b"\n", b"\r\n") if b"\r\n" in content else made


def _parts(content: bytes) -> tuple[bytes, bytes, bytes] | None:
    lines = content.replace(b"\r\n", b"\n").splitlines(keepends=True)
    bare = [line.strip() for line in lines]
    begin, end = BEGIN.encode(), END.encode()
    if bare.count(begin) != 1 or bare.count(end) != 1 or bare.index(begin) > bare.index(end):
        return None
    first, last = bare.index(begin) + 1, bare.index(end)
    return b"".join(lines[:first]), b"".join(lines[first:last]), b"".join(lines[last:])
