"""Functions."""

import re
from typing import Any

SPACES = re.compile(r"\s+")
NAMES = {"a": "b"}
BACK: dict[str, str] = {new: old for old, new in NAMES.items()}
later: int
MADE = untidy({})
ONE = (two := 2)
CALL = lambda fields: fields
for name in NAMES:
    pass
if NAMES:
    del NAMES["a"]
NAMES.clear()


def tidy(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "city": ""}


def untidy(fields: dict[str, Any]) -> dict[str, Any]:
    return fields
