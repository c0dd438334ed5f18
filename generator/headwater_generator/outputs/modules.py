"""The Python modules of a generated package, or of what another service publishes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..model.parts import Contents, ContractPackage, Module, Package
from ..model.remotes import FOLDER
from .files import File
from .schemas import schemas
from .templates import Templates

__all__ = ["contract_modules", "modules"]

_NO_IMPORTS = Module(imports=(), names={})
# File name, what it shows, and whether it is made although there is nothing to show.
_MODULES: tuple[tuple[str, Callable[[Package], Module], bool], ...] = (
    ("commands.py", lambda package: package.commands, False),
    ("workflows.py", lambda package: package.workflows, False),
    ("subscriptions.py", lambda package: package.subscriptions, False),
    ("handlers.py", lambda package: package.handlers, True),
    ("service.py", lambda package: package.service_module, True),
    ("__init__.py", lambda package: _NO_IMPORTS, True),
)
_OF_EVENTS: tuple[tuple[str, Callable[[Contents], Module]], ...] = (
    ("types.py", lambda package: package.types),
    ("events.py", lambda package: package.events),
    ("upcasting.py", lambda package: package.upcasting),
    ("test_upcasting.py", lambda package: package.promises),
)


def modules(package: Package, templates: Templates) -> Iterator[File]:
    """Yield the modules that have something in them, and the mark of a typed package."""
    yield from _event_modules(package, templates)
    for name, module_of, always in _MODULES:
        module = module_of(package)
        if always or module.items:
            text = templates.render(f"{name}.j2", package=package, module=module)
            yield File(package.folder / name, text)
    yield File(package.folder / "py.typed", "")
    if package.remotes:
        text = templates.render("remotes.py.j2", package=package, module=_NO_IMPORTS)
        yield File(package.folder / FOLDER / "__init__.py", text)
    for contract in package.remotes:
        yield from contract_modules(contract, templates)
        yield from schemas(contract)


def contract_modules(package: ContractPackage, templates: Templates) -> Iterator[File]:
    """Yield the modules that say what a service publishes."""
    yield from _event_modules(package, templates)
    text = templates.render("client/contract.py.j2", package=package, module=package.contract)
    yield File(package.folder / "contract.py", text)
    text = templates.render("client/__init__.py.j2", package=package, module=_NO_IMPORTS)
    yield File(package.folder / "__init__.py", text)


def _event_modules(package: Contents, templates: Templates) -> Iterator[File]:
    for name, module_of in _OF_EVENTS:
        module = module_of(package)
        if module.items:
            text = templates.render(f"{name}.j2", package=package, module=module)
            yield File(package.folder / name, text)
    if package.spec.upcasts:
        text = templates.render("upcasts.py.j2", package=package, upcasts=package.spec.upcasts)
        yield File(package.folder / "upcasts.py", text, is_final=True)  # as the team wrote it
