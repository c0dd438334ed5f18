"""What no spec may hold, for the eye would misread it: invisible, turning, a false line end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..problems import Problem
from .nodes import Source

__all__ = ["FORBIDDEN", "about", "forbidden"]

MAX_SHOWN = 20  # forbidden characters of one file that are reported one by one

# Controls but for tab and line ends, what YAML 1.1 takes for a line end, and what is invisible or
# turns the reading direction. The joiners U+200C and U+200D belong to scripts and emoji.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_FORBIDDEN_NAMES = {
    "\x00": "NUL",
    "\x85": "a line end of its own kind",
    "\u2028": "a line end of its own kind",
    "\u2029": "a line end of its own kind",
    "\ufeff": "an invisible byte order mark",
}
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset("\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064")


def forbidden(source: Source) -> Iterator[Problem]:
    """Yield a problem (HW009) for each such character of a file, up to `MAX_SHOWN`."""
    if FORBIDDEN.search(source.text) is None:
        return
    shown = 0
    for number, line in enumerate(source.lines, 1):
        for match in FORBIDDEN.finditer(line):
            yield source.problem(
                "HW009", about(match[0]), number, match.start() + 1, hint="remove it"
            )
            shown += 1
            if shown == MAX_SHOWN:
                return


def about(character: str) -> str:
    """Return a character's number and what is wrong with it."""
    if character in _FORBIDDEN_NAMES:
        what = _FORBIDDEN_NAMES[character]
    elif character in _BIDI:
        what = "invisible and turns the direction of reading"
    elif character in _INVISIBLE:
        what = "invisible"
    else:
        what = "a control character"
    return f"character U+{ord(character):04X} is {what}"
