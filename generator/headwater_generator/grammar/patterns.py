"""Regular expressions, as the engine that runs them sees them.

pydantic matches with an engine that takes linear time and therefore knows neither look-around nor
back-references. A pattern is tried in that very engine, so what is accepted here works there.
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
    return None
