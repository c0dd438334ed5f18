"""What a team starts with: a file for each handler, and what `headwater run` imports."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.parts import Package, Stub
from .files import File
from .templates import Templates

__all__ = ["render_stub", "stubs"]


def stubs(package: Package, templates: Templates) -> Iterator[File]:
    """Yield the scaffold of a service."""
    places = package.places
    for stub in package.stubs:
        yield File(
            places.handlers_folder / f"{stub.name}.py",
            render_stub(stub, templates),
            owner="scaffold",
            handler=stub.name,
        )
    yield File(
        places.handlers_folder / "__init__.py",
        templates.render("handlers_package.py.j2", package=package, stubs=package.stubs),
        owner="scaffold",
    )
    name = places.handlers.rpartition(".")[2]
    yield File(
        places.runnable_file,
        templates.render(
            "service_package.py.j2",
            package=package,
            module=places.runnable,
            relative="." in places.handlers,
            handlers=name if name == "handlers" else f"{name} as handlers",
        ),
        owner="scaffold",
    )


def render_stub(stub: Stub, templates: Templates) -> str:
    """Return the first text of a handler."""
    return templates.render("stub.py.j2", stub=stub, title=f"{stub.subject}. Yours to edit.")
