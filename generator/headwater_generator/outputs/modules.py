"""The Python modules of a generated package."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..model.parts import Module, Package
from .files import File
from .templates import Templates

__all__ = ["modules"]

_NO_IMPORTS = Module(imports=(), names={})
# File name, what it shows, and whether it is made although there is nothing to show.
_MODULES: tuple[tuple[str, Callable[[Package], Module], bool], ...] = (
    ("types.py", lambda package: package.types, False),
    ("events.py", lambda package: package.events, False),
    ("commands.py", lambda package: package.commands, False),
    ("workflows.py", lambda package: package.workflows, False),
    ("subscriptions.py", lambda package: package.subscriptions, False),
    ("upcasting.py", lambda package: package.upcasting, False),
    ("test_upcasting.py", lambda package: package.promises, False),
    ("handlers.py", lambda package: package.handlers, True),
    ("service.py", lambda package: package.service_module, True),
    ("__init__.py", lambda package: _NO_IMPORTS, True),
)


def modules(package: Package, templates: Templates) -> Iterator[File]:
    """Yield the modules that have something in them, and the mark of a typed package."""
    folder = package.places.package_folder
    for name, module_of, always in _MODULES:
        module = module_of(package)
        if always or module.items:
            text = templates.render(f"{name}.j2", package=package, module=module)
            yield File(folder / name, text)
    if package.spec.upcasts:
        text = templates.render("upcasts.py.j2", package=package, upcasts=package.spec.upcasts)
        yield File(folder / "upcasts.py", text, is_final=True)  # as the team wrote it
    yield File(folder / "py.typed", "")
