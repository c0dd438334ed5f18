"""The README of a generated package."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.parts import Package
from .files import File
from .templates import Templates

__all__ = ["readme"]


def readme(package: Package, templates: Templates) -> Iterator[File]:
    """Yield the page that lists what the package offers."""
    heads = [version for version in package.versions if version.is_head]
    text = templates.render("README.md.j2", package=package, events=heads)
    yield File(package.places.package_folder / "README.md", f"{text.rstrip()}\n")
