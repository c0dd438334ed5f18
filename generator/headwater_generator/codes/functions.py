"""HW812 to HW817: the functions that `custom` ops call."""

from ..problems import Code

__all__ = ["CODES"]

_STUB = "def tidy(fields: dict[str, Any]) -> dict[str, Any]:\n    return {**fields, 'city': ''}"

CODES = (
    Code(
        "HW812",
        "a function of custom is not there",
        "The functions that custom ops name are in upcasts/<service>.py beside the spec, the "
        "service in snake_case. Paste the stub that the message has, and write each `...` in it.",
        wrong="upcast: [custom: {up: tidy}]    (and no upcasts/user_service.py)",
        right=f"from typing import Any\n\n{_STUB}",
    ),
    Code(
        "HW813",
        "a function of custom is not one that makes fields of fields",
        "It is a plain def, once in its file, with one parameter: the fields as a dict, as they "
        "are in JSON. It returns the fields of the other version. No `...` of a stub is left.",
        wrong="tidy = lambda fields: fields",
        right=_STUB,
    ),
    Code(
        "HW814",
        "the file of functions is not Python",
        "It is read as Python 3.11, the oldest that generated packages run on, and never executed.",
        wrong="def tidy(fields) return fields",
        right=_STUB,
    ),
    Code(
        "HW815",
        "functions of custom import what they may not",
        "They may import __future__, collections, collections.abc, datetime, decimal, math, re, "
        "string, typing, unicodedata and uuid, and of these what they offer to others. The file is "
        "copied into packages that must run without anything of the team's.",
        wrong="import requests",
        right="import re\nfrom datetime import UTC, datetime",
    ),
    Code(
        "HW816",
        "functions of custom do more than compute",
        "An event must read the same always and everywhere. So a function looks at no file, clock, "
        "environment or chance, prints nothing, waits for nothing, executes no text, changes "
        "nothing outside of itself, and looks at nothing of Python's own. This finds mistakes; it "
        "is no cage for code that nobody trusts.",
        wrong="def tidy(fields): return {**fields, 'at': datetime.now(UTC).isoformat()}",
        right="from_envelope: {at: time}",
    ),
    Code(
        "HW817",
        "there is code outside functions",
        "At the top of the file stand imports, constants, functions and a docstring: what is there "
        "is executed whenever the package is imported.",
        wrong="for code in CODES:\n    NAMES[code] = code.lower()",
        right="NAMES = {code: code.lower() for code in CODES}",
    ),
)
