"""Protos: a message for each event version, each command, each type in them, and the envelope."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from ..model.parts import Package
from ..model.protos import package_of
from .files import File
from .templates import Templates

__all__ = ["compiled", "protos"]


def protos(package: Package, templates: Templates) -> Iterator[File]:
    """Yield the proto files, and what buf needs to look after them."""
    home = package.places.package_folder / "proto"
    name = package_of(package.spec)
    folder = home.joinpath(*name.split("."))
    for file in package.protos:
        text = templates.render("messages.proto.j2", package=package, proto_package=name, file=file)
        yield File(folder / f"{file.name}.proto", text)
    text = templates.render("envelope.proto.j2", package=package, proto_package=name)
    yield File(folder / "envelope.proto", text)
    yield File(home / "buf.yaml", templates.render("buf.yaml.j2", package=package))
    for module, template in (("__init__", "pb_package.py.j2"), ("pool", "pb_pool.py.j2")):
        text = templates.render(template, package=package)
        yield File(package.places.package_folder / "pb" / f"{module}.py", text)


def compiled(
    package: Package,
    files: Iterable[File],
    compile_: Callable[[Mapping[str, str]], Mapping[str, str]],
) -> Iterator[File]:
    """Yield what is compiled of those of the files that are protos: modules and their stubs."""
    home = package.places.package_folder
    sources = {
        file.path.relative_to(home / "proto").as_posix(): file.text
        for file in files
        if file.path.suffix == ".proto"
    }
    for name, text in compile_(sources).items():
        yield File(home / "pb" / name, text, is_final=True)
