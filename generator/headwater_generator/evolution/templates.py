"""The texts of `format`: `user{user_id}@unknown.example`, with fields in braces."""

from __future__ import annotations

import re

__all__ = ["TemplateError", "parts_of"]

_PART = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}|[{}]|[^{}]+")


class TemplateError(Exception):
    """A text has braces that say nothing. The message is for people."""


def parts_of(text: str) -> tuple[tuple[str, bool], ...]:
    """Return the parts of a text: each with whether it names a field or stands for itself.

    Raises:
        TemplateError: A brace is neither doubled nor around the name of a field.
    """
    parts: list[tuple[str, bool]] = []
    for found in _PART.finditer(text):
        word = found[0]
        if found[1]:
            parts.append((found[1], True))
            continue
        if word in {"{", "}"}:
            raise TemplateError("braces stand around the name of a field; {{ and }} are braces")
        plain = word[0] if word in {"{{", "}}"} else word
        if parts and not parts[-1][1]:
            parts[-1] = (parts[-1][0] + plain, False)
        else:
            parts.append((plain, False))
    return tuple(parts)
