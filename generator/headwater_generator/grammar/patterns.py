"""Regular expressions, as the engine that runs them sees them.

pydantic matches with an engine that takes linear time and therefore knows neither look-around nor
back-references. A pattern is tried in that very engine, so what is accepted here works there. It
also stands in the published JSON Schemas, which other languages read: what that engine knows and
ECMA-262 doesn't, or takes for something else, is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

# The engine is imported where a spec has a pattern: most runs of the generator need no pydantic.
if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

__all__ = ["MAX_PATTERN", "compile_pattern", "pattern_fault"]

MAX_PATTERN = 1000  # characters
_TOKEN = re.compile(
    r"(?P<escape>\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}"
    r"|[pP]\{(?:[A-Z][a-z]?|[A-Za-z_]+=[A-Za-z_]+)\}|[bB](?!\{)|[dDwWsStnrfv]|[^A-Za-z0-9<>]))"
    r"|(?P<foreign>\\[^{]?(?:\{[^}]*\})?|\(\?(?!:|<[A-Za-z_])[^):]*[):]?|\[\^?\])"
    r"|(?P<open>\[\^?)|(?P<many>(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??)|(?P<other>.)",
    re.DOTALL,
)
_IN_CLASS = ("[", "&&", "--", "~~")
_BACKTRACKING = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P=|\\k[<{']|\(\?>|[*+?}]\+")


@dataclass(frozen=True, slots=True)
class Matcher:
    """A compiled pattern."""

    validator: SchemaValidator

    def matches(self, text: str) -> bool:
        """Tell whether the pattern is found in a text."""
        from pydantic_core import ValidationError

        try:
            self.validator.validate_python(text)
        except ValidationError:
            return False
        return True


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Matcher:
    """Return a pattern ready to match.

    Raises:
        SchemaError: The engine does not take it.
    """
    from pydantic_core import SchemaValidator, core_schema

    return Matcher(SchemaValidator(core_schema.str_schema(pattern=pattern)))


@lru_cache(maxsize=1024)
def pattern_fault(pattern: str) -> tuple[str, str] | None:
    """Return what is wrong with a pattern, and a hint; None if it works."""
    if len(pattern) > MAX_PATTERN:
        return f"this pattern has {len(pattern):,} characters; the limit is {MAX_PATTERN:,}", ""
    from pydantic_core import SchemaError

    try:
        compile_pattern(pattern)
    except SchemaError as error:
        if _BACKTRACKING.search(pattern):
            hint = "no look-around and no back-references: say it without, or check in a validator"
            return "this pattern would have to backtrack", hint
        reasons = [line for line in str(error).splitlines() if line.startswith("error: ")]
        reason = reasons[-1].removeprefix("error: ") if reasons else "it is too large"
        return f"this is not a regular expression: {reason}", ""
    if foreign := _foreign(pattern):
        hint = "schemas are read in other languages too: write it in what ECMA-262 has"
        return f"JSON Schema does not know {foreign} in a pattern", hint
    return None


def _foreign(pattern: str) -> str | None:
    """Return the first piece of a pattern that JSON Schema's dialect, ECMA-262, does not have."""
    position, is_class, is_repeated = 0, False, False
    while position < len(pattern):
        if is_class and not pattern.startswith("\\", position):
            if pattern.startswith(_IN_CLASS, position):
                found = next(one for one in _IN_CLASS if pattern.startswith(one, position))
                return f"{found} inside [ ]"
            is_class = pattern[position] != "]"
            position += 1
            continue
        token = _TOKEN.match(pattern, position)
        if token is None or token["foreign"] or (token["many"] and is_repeated):
            return token[0] if token else pattern[position:]
        is_class = is_class or token["open"] is not None
        is_repeated = token["many"] is not None
        position = token.end()
    return None
