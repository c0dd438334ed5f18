"""Where a service's package and its handlers live: import names, and the folders they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..names import client_module, snake

__all__ = ["ClientPlaces", "Places", "folder_of"]


@dataclass(frozen=True, slots=True)
class Places:
    """Import names of one service, and their folders."""

    package: str
    """Import name of the generated package."""
    package_folder: Path
    handlers: str
    """Import name of the module (or package) that holds the handlers."""
    handlers_folder: Path
    out: Path
    """Root below which everything generated is written."""
    services: Path
    """Root below which stubs are created."""

    @classmethod
    def settle(
        cls,
        service: str,
        *,
        root: Path,
        out: Path,
        package: str,
        handlers: str,
        services: Path | None = None,
    ) -> Places:
        """Place a service. `{service}` in an import name stands for its name in snake_case.

        `out` says where the package goes: the end of `out` that is also the beginning of `package`
        counts once. So `generated` and `generated.shop` make `generated/shop`, `src` and
        `acme.shop.contract` make `src/acme/shop/contract`, and `src/acme` makes the same.

        Handlers are found from the same import root (`src` in the last two examples), unless
        `services` says where they go; then the same rule holds for `services` and `handlers`.
        """
        name = snake(service)
        package = package.replace("{service}", name)
        handlers = handlers.replace("{service}", name)
        package_folder = folder_of(out, package, root)
        import_root = package_folder.parents[package.count(".")]
        if services is None:
            services = import_root / handlers.partition(".")[0]
        handlers_folder = folder_of(services, handlers, root)
        return cls(package, package_folder, handlers, handlers_folder, out, services)

    @property
    def runnable(self) -> str:
        """Import name of the module that `headwater run` takes.

        It is the package around the handlers, unless the generated package lies in there as well:
        importing the contract must not import handlers, so a module `app` stands beside them.
        """
        around = self.handlers.rpartition(".")[0]
        if around and not f"{self.package}.".startswith(f"{around}."):
            return around
        return f"{around}.app" if around else "app"

    @property
    def runnable_file(self) -> Path:
        """The file of that module."""
        folder = self.handlers_folder.parent
        is_package = self.runnable == self.handlers.rpartition(".")[0]
        return folder / ("__init__.py" if is_package else "app.py")


@dataclass(frozen=True, slots=True)
class ClientPlaces:
    """Where a service's client package lives, and what it is called."""

    name: str
    """As it is installed: `user-service-client`."""
    module: str
    """As it is imported: `user_service_client`."""
    folder: Path
    """With what is needed to build it."""
    out: Path
    """Root below which client packages are written."""

    @classmethod
    def settle(cls, service: str, out: Path) -> ClientPlaces:
        """Place the client package of a service in a folder of its own."""
        module = client_module(service)
        return cls(f"{service}-client", module, out / module, out)

    @property
    def module_folder(self) -> Path:
        """What is installed of it."""
        return self.folder / self.module


def folder_of(base: Path, name: str, root: Path) -> Path:
    """Return the folder of an import name below `base`; what both have in common counts once.

    Only the part of `base` below the project's root takes part in that.
    """
    parts = name.split(".")
    folders = list(base.relative_to(root).parts if base.is_relative_to(root) else base.parts)
    for shared in range(min(len(parts), len(folders)), 0, -1):
        if folders[-shared:] == parts[:shared]:
            return base.joinpath(*parts[shared:])
    return base.joinpath(*parts)
