"""Addresses taken apart and put together; kept as it is written, oddly 'formatted' lines too."""

from __future__ import annotations

import re
from typing import Any

PLACE = re.compile( r"^(?P<postcode>\d{5}) (?P<city>.+)$" )


def part_address(fields: dict[str, Any]) -> dict[str, Any]:
    street, _, rest = fields.pop("address").rpartition(", ")
    found = PLACE.match(rest)
    if found is None:
        raise ValueError('no postcode')
    return {**fields, "street": street, **found.groupdict()}


def whole_address(fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": fields["name"], "address": f"{fields['street']}, {_place(fields)}"}


def _place(fields: dict[str, Any]) -> str:
    return f"{fields['postcode']} {fields['city']}"
