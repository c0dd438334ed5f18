"""The client package of a service: what others install to read what it publishes."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.parts import ClientPackage
from ..version import VERSION
from .contracts import contract_text
from .files import BEGIN, END, File
from .modules import contract_modules
from .schemas import schemas
from .templates import Templates

__all__ = ["client"]

REQUIREMENT = f"headwater[rabbitmq]>={VERSION}"


def client(package: ClientPackage, templates: Templates) -> Iterator[File]:
    """Yield what is installed, and what is needed to build it."""
    yield from contract_modules(package, templates)
    yield from schemas(package)
    yield File(package.folder / "py.typed", "")
    yield File(package.folder / "contract.yaml", contract_text(package))
    folder = package.places.folder
    for name in ("README.md", "CHANGELOG.md"):
        text = templates.render(f"client/{name}.j2", package=package)
        yield File(folder / name, f"{text.rstrip()}\n")
    text = templates.render(
        "client/pyproject.toml.j2",
        package=package,
        requirement=REQUIREMENT,
        begin=BEGIN,
        end=END,
    )
    yield File(folder / "pyproject.toml", text, owner="shared")
