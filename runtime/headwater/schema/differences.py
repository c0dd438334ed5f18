"""What tells the tables of a database from those that are declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

__all__ = ["Parts", "differences"]

Parts: TypeAlias = Mapping[str, str]
"""A table's parts by what each is called, such as `column name`, in the database's own words."""


def differences(declared: Mapping[str, Parts], found: Mapping[str, Parts]) -> Iterator[str]:
    """A sentence for each thing that is missing, another, or there without being declared."""
    for table, parts in declared.items():
        if table not in found:
            yield f"table {table} is missing"
            continue
        there = found[table]
        for part, words in parts.items():
            if part not in there:
                yield f"{table}: {part} is missing"
            elif there[part] != words:
                was, wanted = there[part] or "nothing", words or "nothing"
                yield f"{table}: {part} is {was}, and should be {wanted}"
        yield from (f"{table}: {part} is not declared" for part in there if part not in parts)
