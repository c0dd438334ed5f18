"""Which revisions of its tables, and of a service's streams, a database has been through.

A database keeps one id for each branch: the runtime's, whose ids are numbered, and one for each
service, whose ids are hashes of what the revisions do. `draft` stands before the hash of what was
not released: such a revision is replaced by the next one, and does nothing that hurts twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

__all__ = [
    "FIRST_REVISION",
    "REVISION",
    "REVISIONS_TABLE",
    "RUNTIME",
    "Chain",
    "branch_of",
    "is_draft",
    "number_of",
    "revision_id",
    "runtime_revision",
]

RUNTIME = "headwater"
"""What ids of the runtime's own branch begin with."""

FIRST_REVISION = "headwater.0001"
"""The tables as they were before there were revisions."""

REVISION = "headwater.0001"
"""The newest of the runtime: what a store works with."""

REVISIONS_TABLE = "headwater_revisions"
"""The table with the newest revision of each branch, in alembic's form."""

MAX_BRANCH = 18  # characters: with `.draft` and a hash of 8, or `.` and one of 12, at most 32

_RUNTIME_ID = re.compile(rf"{RUNTIME}\.([0-9]{{4}})")


def number_of(revision: str) -> int | None:
    """The number of a revision of the runtime; `None` of any other."""
    match = _RUNTIME_ID.fullmatch(revision)
    return int(match[1]) if match else None


def runtime_revision(found: Collection[str]) -> str | None:
    """The runtime's among the revisions that a database has been through."""
    return max((one for one in found if number_of(one) is not None), default=None)


def branch_of(service: str) -> str:
    """What the ids of a service's revisions begin with."""
    name = service.replace("-", "_")
    if len(name) <= MAX_BRANCH:
        return name
    return f"{name[:11]}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def revision_id(branch: str, content: str, *, is_draft: bool) -> str:
    """The id of a revision on a branch, which follows from its content and its parent."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f"{branch}.draft{digest[:8]}" if is_draft else f"{branch}.{digest[:12]}"


@dataclass(frozen=True, slots=True)
class Chain:
    """The revisions of a service that its code knows, from the oldest to the newest."""

    branch: str
    revisions: tuple[str, ...]
    package: str = ""
    """Import name of the generated package that has them."""

    @property
    def newest(self) -> str | None:
        """What the service works with."""
        return self.revisions[-1] if self.revisions else None

    def mine(self, found: Collection[str]) -> frozenset[str]:
        """Those of the found revisions that are on this branch, known or not."""
        form = re.compile(rf"{re.escape(self.branch)}\.(?:draft[0-9a-f]{{8}}|[0-9a-f]{{12}})")
        return frozenset(one for one in found if form.fullmatch(one))

    def is_current(self, found: Collection[str]) -> bool:
        """Whether nothing is to be done."""
        return self.mine(found) == ({self.newest} if self.newest else set())

    def unknown(self, found: Collection[str]) -> str | None:
        """A released revision that this code does not know: newer code was here."""
        strange = self.mine(found) - set(self.revisions)
        return min((one for one in strange if not is_draft(one)), default=None)


def is_draft(revision: str) -> bool:
    """Whether the revision was not released, and may be replaced by another."""
    return revision.rpartition(".")[2].startswith("draft")
