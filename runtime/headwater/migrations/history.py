"""The revisions that there are, in order, and the tables after each of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.errors import ConfigurationError
from headwater.schema.operations import Operation, Tables, replay
from headwater.schema.revisions import Chain, number_of

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory

__all__ = ["History"]

OWN = Path(__file__).parent / "versions"


class History:
    """The runtime's revisions and, if there is a `folder` of them, those of one service.

    Raises:
        ConfigurationError: The extra `sql` is not installed.
    """

    def __init__(self, folder: Path | None = None, own: Path = OWN) -> None:
        try:
            from alembic.script import ScriptDirectory
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                "migrating a database needs the extra `sql`: pip install 'headwater[sql]'"
            ) from error
        locations = [str(own), *([str(folder)] if folder else [])]
        self.script: ScriptDirectory = ScriptDirectory(str(own), version_locations=locations)

    @cached_property
    def runtime(self) -> tuple[str, ...]:
        """The ids of the runtime's revisions, from the oldest to the newest."""
        return tuple(one.revision for one in self._scripts if number_of(one.revision) is not None)

    def has(self, revision: str) -> bool:
        """Whether there is such a revision."""
        return any(one.revision == revision for one in self._scripts)

    def operations(self, revision: str) -> tuple[Operation, ...]:
        """What a revision does."""
        script = self.script.get_revision(revision)
        return tuple(script.module.OPERATIONS)

    def tables(self, revision: str | None = "") -> Tables:
        """The runtime's tables after this revision of it; after the newest, if none is given."""
        tables: Tables = {}
        if revision is None:
            return tables
        for one in self.runtime:
            tables = replay(tables, self.operations(one))
            if one == revision:
                break
        return tables

    def parents(self, revision: str) -> frozenset[str]:
        """The revisions that this one follows."""
        follows = self.script.get_revision(revision).down_revision
        return frozenset({follows} if isinstance(follows, str) else follows or ())

    def applied(self, found: Iterable[str], known: Iterable[str]) -> frozenset[str]:
        """The known revisions that a database has been through which is at the found ones."""
        known = frozenset(known)
        waiting, applied = [one for one in found if one in known], set[str]()
        while waiting:
            one = waiting.pop()
            applied.add(one)
            waiting += self.parents(one) - applied
        return frozenset(applied)

    def require(self, chain: Chain) -> None:
        """Return if the files are those that the package's index names.

        Raises:
            ConfigurationError: They are not.
        """
        found = {one.revision for one in self._branch(chain.branch)}
        if found != {*chain.revisions}:
            raise ConfigurationError(
                f"the revisions in {chain.package}.migrations are not those of its index.json: "
                "run `headwater generate`, or take the folder back with `git checkout`"
            )

    def _branch(self, branch: str) -> list[Script]:
        """The scripts of a service's branch, parents first."""
        return [
            one
            for one in self._scripts
            if one.revision.rpartition(".")[0] == branch and number_of(one.revision) is None
        ]

    @cached_property
    def _scripts(self) -> list[Script]:
        return list(self.script.walk_revisions())[::-1]
