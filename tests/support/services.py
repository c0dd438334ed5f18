"""Generated services of which a test changes the spec, in a project of its own."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headwater.service import Service
from headwater_generator import generate
from headwater_generator.versioning import release_drafts

__all__ = ["Project"]

SPEC = """\
headwater: 1
service: {name}-service
streams:
  orders: {{type: persistent}}
workflows:
  Order:
    stream: orders
    events:
      OrderPlaced: {{fields: {{number: int}}}}
"""


class Project:
    """A project with one service, in a package that no other project has."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self.spec = root / "spec" / "service.yaml"
        self.spec.parent.mkdir(parents=True)
        (root / "pyproject.toml").write_text(
            f'[tool.headwater]\nspec = ["spec/service.yaml"]\nout = "made_{name}"\n'
            f'package = "made_{name}.{{service}}"\nhandlers = "stubs_{name}.{{service}}.handlers"\n'
        )
        self.spec.write_text(SPEC.format(name=name))

    @property
    def folder(self) -> Path:
        """Where the generated package is."""
        return self.root / f"made_{self.name}" / f"{self.name}_service"

    @property
    def package(self) -> str:
        """Its import name."""
        return f"made_{self.name}.{self.name}_service"

    def add(self, text: str) -> None:
        """Put a line at the end of the spec, which is the events of its workflow."""
        self.spec.write_text(self.spec.read_text() + text + "\n")

    def add_stream(self, name: str) -> None:
        """Give the spec another stream."""
        line = "  orders: {type: persistent}\n"
        text = self.spec.read_text()
        self.spec.write_text(text.replace(line, f"{line}  {name}: {{type: ephemeral}}\n"))

    def generate(self) -> None:
        """Write the package anew."""
        generate(self.root)

    def release(self) -> None:
        """Freeze what are drafts, and write the package anew."""
        release_drafts(self.root)
        generate(self.root)

    def revisions(self) -> dict[str, bytes]:
        """The files of its revisions, by name."""
        folder = self.folder / "migrations"
        return {path.name: path.read_bytes() for path in sorted(folder.glob("revision_*.py"))}

    def copy(self, root: Path) -> Project:
        """Another clone of it."""
        shutil.copytree(self.root, root)
        other = object.__new__(Project)
        other.root, other.name = root, self.name
        other.spec = root / "spec" / "service.yaml"
        return other

    @contextmanager
    def service(self) -> Iterator[Service[Any]]:
        """The service as it is generated now, imported while the block lasts."""
        sys.path.insert(0, str(self.root))
        importlib.invalidate_caches()
        try:
            module = importlib.import_module(self.package)
            service: Service[Any] = getattr(module, f"{self.name}_service")
            yield service
        finally:
            sys.path.remove(str(self.root))
            top = f"made_{self.name}"
            for one in [one for one in sys.modules if one == top or one.startswith(f"{top}.")]:
                del sys.modules[one]
