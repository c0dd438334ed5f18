"""The revisions of a generated package, which lie beside its modules as files."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from headwater.errors import ConfigurationError
from headwater.schema.revisions import Chain

__all__ = ["Migrations"]


class Migrations:
    """What a database has to go through for a service, read only when it is asked for.

    `module` is the name of a module of the package; beside it is the folder `migrations`.
    """

    def __init__(self, module: str) -> None:
        self.package = module.rpartition(".")[0]
        """Import name of the generated package."""

    def chain(self) -> Chain:
        """The service's revisions, from the oldest to the newest.

        Raises:
            ConfigurationError: The package was copied without its migrations.
        """
        try:
            text = files(self.package).joinpath("migrations", "index.json").read_text("utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"{self.package} has no migrations/index.json: its revisions belong to the "
                "package; generate it again, or install it with its data files"
            ) from error
        found = json.loads(text)
        return Chain(found["branch"], tuple(found["revisions"]), self.package)

    @property
    def folder(self) -> Path:
        """Where the revisions are."""
        return Path(str(files(self.package).joinpath("migrations")))
