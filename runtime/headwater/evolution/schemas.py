"""The JSON Schemas of a generated package, which lie beside its modules as files."""

from __future__ import annotations

import json
from importlib.resources import files

from headwater.errors import ConfigurationError

__all__ = ["Schemas"]


class Schemas:
    """What each event version of a generated package is, read only when it is asked for.

    `module` is the name of a module of the package; beside it is the folder `schemas`.
    """

    def __init__(self, module: str) -> None:
        self._package = module.rpartition(".")[0]

    def digests(self) -> dict[tuple[str, int], str]:
        """SHA-256 in hex of what counts in each version's schema, by name and version.

        Raises:
            ConfigurationError: The package was copied without its schemas.
        """
        found: dict[str, dict[str, str]] = json.loads(self._read("index.json"))["sha256"]
        return {
            (name, int(version)): digest
            for name, versions in found.items()
            for version, digest in versions.items()
        }

    def read(self, name: str, version: int) -> str:
        """The JSON Schema of one version.

        Raises:
            ConfigurationError: The package was copied without its schemas.
        """
        return self._read(f"{name}.v{version}.json")

    def _read(self, file: str) -> str:
        try:
            return files(self._package).joinpath("schemas", file).read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"{self._package} has no schemas/{file}: its JSON Schemas belong to the package; "
                "generate it again, or install it with its data files"
            ) from error
