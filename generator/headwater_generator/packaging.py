"""Wheels and sdists of client packages, made by the build backend that each of them names.

The backend runs in a process of its own, in this environment and without network: what it needs is
installed, or told. What it made is looked at before anybody gets it, and equal input makes equal
bytes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .check import load_specs
from .configuration import load_configuration
from .generation import generate
from .grammar import Spec
from .lock import DRAFT, Edition, edition_of, lock_folder, read_lock
from .model.places import ClientPlaces
from .names import nearest
from .problems import Problem, SpecError
from .publish.files import shown
from .publish.manifest import NAME, Manifest
from .replacing import replace

__all__ = ["Built", "Progress", "package"]

Progress = Callable[[str, str], None]
"""Called before each package is built, with its name and version."""

OUT = "dist"
BUILD_TIMEOUT = 300.0  # seconds for each call of a backend
_KINDS: tuple[Literal["wheel", "sdist"], ...] = ("wheel", "sdist")
EPOCH = "315532800"  # 1980, the first year that zip files know; SOURCE_DATE_EPOCH says another


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A client package as it can be installed. Paths are relative to the project, with `/`."""

    service: str
    name: str
    """As it is installed; the team may have given it another than the service's."""
    version: str
    wheel: str
    sdist: str
    written: tuple[str, ...]
    """Those of both that were not there already, byte for byte."""


@dataclass(frozen=True, slots=True)
class _Client:
    """A client package before it is built."""

    spec: Spec
    name: str
    """As the team calls it."""
    places: ClientPlaces
    edition: Edition


def package(
    root: Path,
    services: Sequence[str] = (),
    specs: Sequence[Path] = (),
    *,
    out: Path | None = None,
    client_out: Path | None = None,
    drafts: bool = False,
    progress: Progress | None = None,
) -> tuple[Built, ...]:
    """Build wheel and sdist of client packages, all that the project has unless some are named.

    Args:
        root: The project's folder. Other paths may be relative to it.
        services: Names of services; their specs are those that the project configures.
        specs: Specs of further services.
        out: Where the files go; by default `dist`.
        client_out: Where the client packages are; by default what the project configures.
        drafts: Build versions that hold drafts too, such as `1.1.0.dev0`.

    Raises:
        SpecError: Nothing is published (HW713), what was generated is not up to date (HW7xx), a
            version holds drafts (HW714), what the backend needs is missing (HW715), it failed or
            left files out (HW716), or a file can't be written (HW706). Nothing was written, but
            for packages before that one.
    """
    root = root.resolve()
    clients = _chosen(root, services, specs, client_out)
    if not drafts:
        _refuse_drafts(clients)
    target = root / (out or OUT)
    tell = progress or (lambda name, version: None)
    made = []
    for client in clients:
        tell(client.name, client.edition.version)
        with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
            wheel, sdist = _build(client, Path(folder), root)
            written = tuple(_moved((wheel, sdist), target, root))
        made.append(
            Built(
                service=client.spec.service,
                name=client.name,
                version=client.edition.version,
                wheel=shown(target / wheel.name, root),
                sdist=shown(target / sdist.name, root),
                written=written,
            )
        )
    return tuple(made)


def _chosen(
    root: Path, services: Sequence[str], specs: Sequence[Path], client_out: Path | None
) -> list[_Client]:
    """Return the packages that are wanted, each held against its spec.

    Raises:
        SpecError: There is none (HW713), or one is not up to date (HW7xx).
    """
    configuration = load_configuration(root)
    named = load_specs([root / path for path in specs], root) if specs else []
    others = load_specs(configuration.spec_paths(), root) if services or not specs else []
    known = {spec.service: spec for spec in (*others, *named)}
    if unknown := [_unknown(name, known) for name in services if name not in known]:
        raise SpecError(unknown)
    wanted = {*services, *(spec.service for spec in named)}
    chosen = [spec for spec in known.values() if not wanted or spec.service in wanted]
    at = root / (client_out or configuration.client_out)
    findings = generate(
        root, [root / spec.path for spec in chosen], client_out=at, check=True
    ).findings
    clients: list[_Client] = []
    problems: list[Problem] = []
    for spec in chosen:
        places = ClientPlaces.settle(spec.service, at)
        lock = lock_folder(root / spec.path, spec.service)
        edition = edition_of(spec, read_lock(lock, root))
        folders = tuple(f"{shown(folder, root)}/" for folder in (lock, places.folder))
        stale = [one for one in findings if one.file.startswith(folders)]
        problems += stale
        if edition is not None and not stale:
            clients.append(_Client(spec, _name(places, root), places, edition))
        elif wanted and not stale:
            problems.append(_silent(f"{spec.service} publishes nothing", spec.path))
    if not clients and not problems:
        problems.append(_silent("no service publishes anything", chosen[0].path))
    if problems:
        raise SpecError(problems)
    return clients


def _name(places: ClientPlaces, root: Path) -> str:
    """Return what the team calls a package.

    Raises:
        SpecError: Its pyproject.toml can't be read (HW716).
    """
    settings = places.folder / "pyproject.toml"
    try:
        document = tomllib.loads(settings.read_text("utf-8"))
    except (OSError, ValueError) as error:
        what = f"this file can't be read: {error}"
        raise SpecError([_failure(places.name, what, shown(settings, root))]) from error
    return str(document.get("project", {}).get("name", places.name))


def _refuse_drafts(clients: Sequence[_Client]) -> None:
    drafts = [
        Problem(
            code="HW714",
            message=f"{client.name} {client.edition.version.removesuffix(DRAFT)} is not released: "
            + ", ".join(client.edition.changes),
            file=client.spec.path,
            hint="freeze it with `headwater release`, or build it with --drafts as "
            f"{client.edition.version}",
        )
        for client in clients
        if client.edition.version.endswith(DRAFT)
    ]
    if drafts:
        raise SpecError(drafts)


def _build(client: _Client, folder: Path, root: Path) -> tuple[Path, Path]:
    """Build wheel and sdist in an empty folder, and return them.

    They are made of a copy: what a backend leaves behind is not left in the project, and what
    the folders around it hold, such as a .gitignore, changes nothing.

    Raises:
        SpecError: What the backend needs is missing (HW715); it failed, or left files out (HW716).
    """
    settings = shown(client.places.folder / "pyproject.toml", root)
    try:
        import build
    except ModuleNotFoundError:
        raise SpecError([_missing(["build"], settings)]) from None

    try:
        source = folder / client.places.module
        shutil.copytree(client.places.folder, source, ignore=shutil.ignore_patterns("__pycache__"))
        builder = build.ProjectBuilder(source, runner=_run)
        # Of these first: without the backend nobody can be asked what else it needs.
        if missing := _unmet(builder.build_system_requires):
            raise SpecError([_missing(missing, settings)])
        made: list[Path] = []
        for kind in _KINDS:
            if missing := _unmet(builder.get_requires_for_build(kind)):
                raise SpecError([_missing(missing, settings)])
            made.append(Path(builder.build(kind, folder / kind)))
    except (build.BuildException, build.BuildBackendException, OSError, ValueError) as error:
        raise SpecError([_failure(client.name, _last_line(error), settings)]) from error
    wheel, sdist = made
    _look_at(client, _names_in_wheel(wheel), "wheel", settings, root)
    _look_at(client, _names_in_sdist(sdist), "sdist", settings, root)
    return wheel, sdist


def _run(
    cmd: Sequence[str],
    cwd: str | None = None,
    extra_environ: Mapping[str, str] | None = None,
) -> None:
    """Run a backend's hook; what it prints is kept for the case that it fails."""
    subprocess.run(  # noqa: S603 - what the team's pyproject.toml names
        cmd,
        cwd=cwd,
        env={"SOURCE_DATE_EPOCH": EPOCH, **os.environ, **(extra_environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=BUILD_TIMEOUT,
        check=True,
    )


def _unmet(requirements: Iterable[str]) -> list[str]:
    """Return the requirements that are not installed, or not as they have to be."""
    from build import check_dependency

    return [one for one in sorted(requirements) if any(check_dependency(one))]


def _last_line(error: Exception) -> str:
    """Return what a backend said last, or else what became of it."""
    cause = getattr(error, "exception", error)
    said = (getattr(cause, "output", None) or b"").decode("utf-8", "replace").split("\n")
    lines = [line.strip() for line in said if line.strip()]
    return lines[-1] if lines else str(error)


def _names_in_wheel(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def _names_in_sdist(path: Path) -> set[str]:
    """Return the names without the folder that all of them are in."""
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def _look_at(client: _Client, names: set[str], kind: str, settings: str, root: Path) -> None:
    """Let a file pass that has all of the package.

    Raises:
        SpecError: It has not (HW716).
    """
    manifest = Manifest.read(client.places.folder / NAME, root)
    folder = f"{shown(client.places.folder, root)}/"
    own = [path.removeprefix(folder) for path in sorted(manifest.generated)]
    lacking = [
        path
        for path in own
        if path.startswith(f"{client.places.module}/")
        and not Path(path).name.startswith("test_")
        and path not in names
    ]
    if lacking:
        more = f" and {len(lacking) - 1} more files" if len(lacking) > 1 else ""
        problem = _failure(client.name, f"the {kind} lacks {lacking[0]}{more}", settings)
        raise SpecError([problem])


def _moved(files: Iterable[Path], target: Path, root: Path) -> Iterator[str]:
    """Put files into a folder, and yield those that were not there with the same bytes."""
    path = target
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            path, content = target / file.name, file.read_bytes()
            if path.is_file() and path.read_bytes() == content:
                continue
            replace(path, content)
            yield shown(path, root)
    except OSError as error:
        problem = Problem(
            code="HW706",
            message=f"cannot be written: {error.strerror or error}",
            file=shown(path, root),
            hint="remove the cause and run again, or name another folder with --out",
        )
        raise SpecError([problem]) from error


def _unknown(name: str, known: Iterable[str]) -> Problem:
    names = list(known)
    better = nearest(name, names)
    return Problem(
        code="HW713",
        message=f'no service is called "{name}"',
        file="headwater",
        hint=f'did you mean "{better}"?' if better else f"there is {', '.join(names)}",
    )


def _silent(message: str, file: str) -> Problem:
    return Problem(
        code="HW713",
        message=f"{message}, so there is no client package",
        file=file,
        hint="set `publish: true` on a stream, and run `headwater generate`",
    )


def _missing(requirements: Sequence[str], settings: str) -> Problem:
    listed = ", ".join(requirements)
    quoted = " ".join(f"'{one}'" for one in requirements)
    return Problem(
        code="HW715",
        message=f"to build it, {listed} must be installed",
        file=settings,
        hint=f"pip install {quoted}",
    )


def _failure(name: str, what: str, settings: str) -> Problem:
    return Problem(
        code="HW716",
        message=f"{name} was not built: {what}",
        file=settings,
        hint="`python -m build --no-isolation` in its folder shows all that the backend says",
    )
