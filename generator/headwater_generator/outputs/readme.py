"""The README of a generated package."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.package import Package
from .files import File
from .templates import Templates

__all__ = ["readme"]


def readme(package: Package, templates: Templates) -> Iterator[File]:
    """Yield the page that lists what the package offers."""
    events = [
        {
            "name": name,
            "version": 1,
            "stream": workflow.stream,
            "workflow": workflow_name,
            "terminal": event.terminal,
            "description": event.description or "",
        }
        for workflow_name, workflow in package.spec.workflows.items()
        for name, event in workflow.events.items()
    ]
    text = templates.render("README.md.j2", package=package, events=events)
    yield File(package.places.package_folder / "README.md", f"{text.rstrip()}\n")
