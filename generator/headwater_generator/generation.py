"""The whole way from specs to files, in one function."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from .check import load_specs
from .configuration import HIDES_HINT, TAKEN, Configuration, hides, load_configuration
from .grammar import Spec
from .lock import (
    SUFFIX,
    Lock,
    Stands,
    contradictions,
    edition_of,
    kept,
    lock_folder,
    read_lock,
    render_lock,
)
from .model.annotations import Annotations
from .model.client import build_client
from .model.forms import forms_of
from .model.functions import functions_of
from .model.numbers import Numbering
from .model.origins import origins_of
from .model.package import build
from .model.parts import ClientPackage, EditionNotes, Package
from .model.places import ClientPlaces, Places
from .model.versions import versions_of
from .names import nearest
from .outputs.asyncapi import asyncapi
from .outputs.client import client
from .outputs.files import File, Owner, Recall
from .outputs.migrations import migrations
from .outputs.modules import modules
from .outputs.protos import compiled, protos
from .outputs.readme import readme
from .outputs.schemas import schemas
from .outputs.stubs import stubs as scaffold_of
from .outputs.templates import Templates
from .problems import Problem, SpecError
from .publish.compiling import Compiler
from .publish.files import LOCK_TIMEOUT, Guard, locked, publish, remove_leftovers, shown
from .publish.formatting import CONFIGURATIONS, Formatter, line_length
from .publish.manifest import NAME, Manifest
from .publish.memory import Memory
from .publish.plan import (
    Note,
    Plan,
    draw_up,
    draw_up_client,
    draw_up_lock,
    retired,
    wanted_scaffold,
)
from .publish.stamp import edition

__all__ = ["Progress", "Report", "generate"]

Progress = Callable[[str, int], None]
"""Called as each stage begins, with its name and the number of things in it."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What a run depended on, so that the next one can tell whether to run at all."""

    started: int = 0
    """Nanoseconds since the epoch."""
    inputs: tuple[Path, ...] = ()
    absent: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    outputs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run did; with `check`, what it found. Paths are relative to the project, with `/`."""

    services: tuple[str, ...]
    files: int
    """Generated files in all, manifests included."""
    written: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    """Stubs and what belongs to them."""
    removed: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    findings: tuple[Problem, ...] = ()
    """What `check` found; empty: everything is up to date."""
    read: Reads = field(repr=False, compare=False)
    """What the run depended on."""


def generate(
    root: Path,
    specs: Sequence[Path] | None = None,
    *,
    out: Path | None = None,
    services: Path | None = None,
    client_out: Path | None = None,
    check: bool = False,
    stubs: Sequence[str] = (),
    progress: Progress | None = None,
    lock_timeout: float = LOCK_TIMEOUT,
) -> Report:
    """Generate the packages of a project, or with `check` only compare them with the disk.

    All is rendered in memory before anything is written. A generated package named by no
    configuration is called after its folder: `out=Path("lib/contracts")` makes
    `contracts.user_service`; `services` is to stubs what `out` is to generated files, and
    `client_out` says where client packages go.

    Args:
        root: The project's folder, that of its pyproject.toml. Other paths may be relative to it.
        specs: Files or folders; by default what the project's configuration says.
        stubs: Handlers whose stubs are made again: names of functions, commands or subscriptions.
        lock_timeout: Seconds to wait for another run in the same project.

    Raises:
        SpecError: A spec is wrong, or files are in the way (HW7xx); nothing was written.
    """
    root = root.resolve()
    tell = progress or (lambda stage, count: None)
    # A check leaves no trace at all.
    with nullcontext() if check else locked(root, lock_timeout):
        started = time.time_ns()
        configuration = load_configuration(root)
        paths = [root / path for path in specs or configuration.spec_paths()]
        loaded = load_specs(paths, root)
        run = _Run(root, configuration, loaded, out, services, client_out, tell, check=check)
        plans = run.plan(frozenset(run.handlers(stubs)))
        report = run.report(plans, paths, started, check=check)
        if check:
            return report
        if obstacles := [problem for plan in plans for problem in plan.obstacles]:
            raise SpecError(obstacles)
        run.publish(plans)
        return report


class _Run:
    def __init__(
        self,
        root: Path,
        configuration: Configuration,
        specs: list[Spec],
        out: Path | None,
        services: Path | None,
        client_out: Path | None,
        tell: Progress,
        *,
        check: bool,
    ) -> None:
        self.root = root
        self.specs = specs
        self.size = sum(map(_size, specs))
        self.tell = tell
        self.places = [_place(root, configuration, spec.service, out, services) for spec in specs]
        self.is_dry = check
        self.client_out = root / (client_out or configuration.client_out)
        self.clients = {
            spec.service: ClientPlaces.settle(spec.service, self.client_out)
            for spec in specs
            if any(stream.publish for stream in spec.streams.values())
        }
        self.cache = root / ".headwater" / "cache"
        # A check believes the spec and the files only.
        self.memory = Memory(None if check else self.cache / "events.json", edition())
        self.origins = [origins_of(spec) for spec in specs]

    def handlers(self, wanted: Iterable[str]) -> list[str]:
        """Return the functions whose stubs are made again.

        Raises:
            SpecError: There is no such handler (HW707), or its stub is there (HW708).
        """
        wanted = list(wanted)
        if not wanted:
            return []
        known: dict[str, tuple[str, Path]] = {}
        for spec, places in zip(self.specs, self.places, strict=True):
            for function, _, subject in functions_of(spec):
                path = places.handlers_folder / f"{function}.py"
                known.setdefault(function, (function, path))
                if not function.startswith("validate_"):
                    known.setdefault(subject, (function, path))
        problems: list[Problem] = []
        names: list[str] = []
        for name in wanted:
            if name not in known:
                better = nearest(name, list(known))
                problems.append(
                    Problem(
                        code="HW707",
                        message=f'no handler is called "{name}"',
                        file="--stubs",
                        hint=f'did you mean "{better}"?' if better else "",
                    )
                )
                continue
            function, path = known[name]
            if path.exists():
                problems.append(
                    Problem(
                        code="HW708",
                        message="this stub is there, and stubs are never overwritten",
                        file=shown(path, self.root),
                        hint="move it away first",
                    )
                )
            names.append(function)
        if problems:
            raise SpecError(problems)
        return names

    def plan(self, again: frozenset[str]) -> list[Plan]:
        """Render everything and compare it with the disk."""
        manifests = [
            Manifest.read(places.package_folder / NAME, self.root) for places in self.places
        ]
        locks = self.locks()
        packages, clients = self.build(locks)
        self.tell("rendering", self.size)
        width = line_length(self.root)
        templates = Templates(width, None if self.is_dry else self.cache / "templates")
        compiler = Compiler(self.cache / "protos", read_only=self.is_dry)
        generated: list[list[File]] = []
        scaffolds: list[list[File]] = []
        wanted: list[list[File]] = []
        for package, manifest, origins in zip(packages, manifests, self.origins, strict=True):
            generated.append(
                [
                    *modules(package, templates),
                    *schemas(package, self.remembering(origins)),
                    *migrations(package, templates),
                    *asyncapi(package, templates),
                    *readme(package, templates),
                    *self.protos(package, templates, compiler),
                ]
            )
            scaffolds.append(list(scaffold_of(package, templates)))
            wanted.append(
                list(wanted_scaffold(scaffolds[-1], manifest, package.places, self.root, again))
            )
        of_clients = [list(client(package, templates)) for package in clients]
        every = [file for files in (*generated, *wanted, *of_clients) for file in files]
        texts = {file.path: file.text for file in every if not file.is_final}
        self.tell("formatting", len(texts))
        first_party = {
            name.partition(".")[0]
            for places in self.places
            for name in (places.package, places.handlers)
        }
        memory = None if self.is_dry else self.cache / "formatted.json"
        contents = Formatter(width, first_party, memory).format(texts)
        contents |= {file.path: file.text.encode() for file in every if file.is_final}
        folders = [places.package_folder for places in self.places]
        plans = [
            draw_up(
                places=package.places,
                source=package.source,
                project=self.root,
                generated={file.path: contents[file.path] for file in files},
                scaffold=scaffold,
                created={file.path: contents[file.path] for file in created},
                functions={file.handler: file.text for file in scaffold if file.handler},
                manifest=manifest,
                guard=Guard((package.places.out, package.places.services), self.root),
                others=[one for one in folders if one != package.places.package_folder],
            )
            for package, manifest, files, scaffold, created in zip(
                packages, manifests, generated, scaffolds, wanted, strict=True
            )
        ]
        plans += [
            self.client_plan(package, files, contents)
            for package, files in zip(clients, of_clients, strict=True)
        ]
        sources = [spec.path for spec in self.specs]
        roots = {self.client_out, *(places.out for places in self.places)}
        folders += [places.folder for places in self.clients.values()]
        plans += [
            self.lock_plan(spec, lock, origins)
            for spec, (lock, _), origins in zip(self.specs, locks, self.origins, strict=True)
        ]
        return [*plans, *retired(folders, sources, self.root, roots, [self.client_out])]

    def client_plan(
        self, package: ClientPackage, files: Sequence[File], contents: Mapping[Path, bytes]
    ) -> Plan:
        """Compare a client package with the disk."""
        places = package.places

        def of(owner: Owner) -> dict[Path, bytes]:
            return {file.path: contents[file.path] for file in files if file.owner == owner}

        return draw_up_client(
            places=places,
            source=package.source,
            project=self.root,
            generated=of("generated"),
            shared=of("shared"),
            manifest=Manifest.read(places.folder / NAME, self.root),
            guard=Guard((places.out,), self.root),
        )

    def remembering(self, origins: Mapping[str, str]) -> Recall:
        """Return what hands out the text of an event's own file, made only if it has to be."""
        return lambda event, path, make: self.memory.text(path, origins[event], make)

    def protos(self, package: Package, templates: Templates, compiler: Compiler) -> list[File]:
        """Return protos and what protoc makes of them."""
        made = list(protos(package, templates))
        return [*made, *compiled(package, made, compiler.compile)]

    def locks(self) -> list[tuple[Lock, Numbering]]:
        """Return the lock that each spec should have, and its numbers on the wire.

        Raises:
            SpecError: A lock can't be read, or a spec contradicts what was released (HW9xx).
        """
        problems: list[Problem] = []
        found: list[tuple[Lock, Numbering]] = []
        for spec, origins in zip(self.specs, self.origins, strict=True):
            known = read_lock(self.lock_folder(spec), self.root, self.standing(origins))
            problems += contradictions(spec, known)
            found.append(kept(spec, known))
        if problems:
            raise SpecError(problems)
        return found

    def standing(self, origins: Mapping[str, str]) -> Stands:
        """Return what tells of an event's file in the lock whether it would be written again."""

        def stands(event: str, path: Path, content: bytes) -> bool:
            return event in origins and self.memory.holds(path, origins[event], content)

        return stands

    def lock_folder(self, spec: Spec) -> Path:
        """Return where a spec's lock is."""
        return lock_folder(self.root / spec.path, spec.service)

    def lock_plan(self, spec: Spec, lock: Lock, origins: Mapping[str, str]) -> Plan:
        """Compare a lock with the disk."""
        folder = self.lock_folder(spec)
        files = {folder / name: content for name, content in render_lock(lock).items()}
        for event, origin in origins.items():
            path = folder / f"{event}{SUFFIX}"
            self.memory.note(path, origin, files[path])
        return draw_up_lock(folder, files, self.root)

    def every_spec(self) -> Iterator[Spec]:
        """Yield the specs, and those of the contracts that their packages carry."""
        for spec in self.specs:
            yield spec
            yield from (one.spec for one in spec.contracts.values() if one.client is None)

    def build(
        self, locks: Sequence[tuple[Lock, Numbering]]
    ) -> tuple[list[Package], list[ClientPackage]]:
        self.tell("typing", self.size)
        annotations = Annotations(self.cache / "annotations.jsonl", read_only=self.is_dry)
        annotations.resolve(form for spec in self.every_spec() for form in forms_of(spec))
        packages = [
            build(
                spec,
                places,
                annotations,
                numbering,
                lock.samples,
                lock.storage,
                lock.digests,
                lock.first_released,
            )
            for spec, places, (lock, numbering) in zip(self.specs, self.places, locks, strict=True)
        ]
        clients = [
            build_client(
                spec,
                self.clients[spec.service],
                annotations,
                samples=lock.samples,
                digests=lock.digests,
                first_released=lock.first_released,
                editions=tuple(_editions(spec, lock)),
            )
            for spec, (lock, _) in zip(self.specs, locks, strict=True)
            if spec.service in self.clients
        ]
        return packages, clients

    def publish(self, plans: Sequence[Plan]) -> None:
        self.tell("writing", sum(len(plan.changed) + len(plan.created) for plan in plans))
        remove_leftovers(
            {
                folder
                for places in self.places
                for folder in (places.handlers_folder, places.handlers_folder.parent)
            }
            | {path.parent for plan in plans for path in plan.outputs}
        )
        publish(
            changed={path: one for plan in plans for path, one in plan.changed.items()},
            created={path: one for plan in plans for path, one in plan.created.items()},
            removed=[path for plan in plans for path in plan.removed],
            manifests={
                plan.manifest: plan.manifest_content
                for plan in plans
                if plan.manifest_content is not None
            },
            keep=frozenset({self.root, self.client_out, *(one.out for one in self.places)}),
            project=self.root,
        )
        self.memory.save()

    def report(
        self, plans: Sequence[Plan], paths: Sequence[Path], started: int, *, check: bool
    ) -> Report:
        def show(found: Iterable[Path]) -> tuple[str, ...]:
            return tuple(sorted(shown(path, self.root) for path in found))

        findings = [problem for plan in plans for problem in plan.findings(self.root)]
        notes = [note for plan in plans for note in plan.notes]
        notes += [
            Note("foreign", shown(path, self.root), "not generated, and among generated files")
            for plan in plans
            for path in plan.foreign
        ]
        changed = [path for plan in plans for path in plan.changed]
        changed += [plan.manifest for plan in plans if plan.manifest_content is not None]
        return Report(
            services=tuple(spec.service for spec in self.specs),
            files=sum(len(plan.outputs) for plan in plans),
            written=() if check else show(changed),
            created=() if check else show(path for plan in plans for path in plan.created),
            removed=() if check else show(path for plan in plans for path in plan.removed),
            notes=tuple(notes),
            findings=tuple(sorted(findings, key=lambda one: (one.file, one.code))) if check else (),
            read=self.reads(plans, paths, started),
        )

    def reads(self, plans: Sequence[Plan], paths: Sequence[Path], started: int) -> Reads:
        inputs = {self.root / name for spec in self.specs for name in spec.files}
        inputs |= {self.root / spec.upcasts.path for spec in self.specs if spec.upcasts}
        inputs |= {
            path for spec in self.specs for one in spec.contracts.values() for path in one.files
        }
        folders = {path.parent for path in inputs} | {path for path in paths if path.is_dir()}
        settings = {self.root / name for name in CONFIGURATIONS}
        homes = {
            home
            for places in self.places
            for home in (
                places.handlers_folder / "__init__.py",
                places.handlers_folder.with_suffix(".py"),
            )
        }
        outputs = {path for plan in plans for path in plan.outputs}
        created = {path for plan in plans for path in plan.created}
        return Reads(
            started=started,
            inputs=tuple(sorted(inputs | {one for one in settings if one.is_file()})),
            absent=tuple(sorted(one for one in (settings | homes) - created if not one.is_file())),
            # In the handlers' folders a stub may be deleted.
            folders=tuple(
                sorted(
                    folders
                    | {self.root / "spec"}
                    | {places.handlers_folder for places in self.places}
                    | {self.lock_folder(spec) for spec in self.specs}
                )
            ),
            outputs=tuple(
                sorted(outputs | {one for one in homes if one in created or one.is_file()})
            ),
        )


def _editions(spec: Spec, lock: Lock) -> Iterator[EditionNotes]:
    """Yield what the versions of a client package brought, newest first: a draft if it is one."""
    now = edition_of(spec, lock)
    drafts = () if now is None or now in lock.editions else (now,)
    for one in (*drafts, *reversed(lock.editions)):
        yield EditionNotes(version=one.version, changes=one.changes)


def _size(spec: Spec) -> int:
    """Return how many classes come of a spec, or as good as."""
    return len(spec.types) + len(spec.commands) + sum(1 for _ in versions_of(spec))


def _place(
    root: Path,
    configuration: Configuration,
    service: str,
    out: Path | None,
    services: Path | None,
) -> Places:
    package, handlers = configuration.package, configuration.handlers
    places = Places.settle(
        service,
        root=root,
        out=root / configuration.out,
        package=package,
        handlers=handlers,
        services=root / services if services else None,
    )
    if not out and not services:
        _refuse_unimportable(places, configuration, root)
    if services and handlers == Configuration(root).handlers:
        # Named by nobody: called after the folder.
        handlers = f"{(root / services).name}.{{service}}.handlers"
    if out and package == ".".join([*Path(configuration.out).parts, "{service}"]):
        package = f"{(root / out).name}.{{service}}"
    if out or services:
        places = Places.settle(
            service,
            root=root,
            out=root / (out or configuration.out),
            package=package,
            handlers=handlers,
            services=root / services if services else places.services,
        )
    for name in (places.package, places.handlers):
        if (top := name.partition(".")[0]) in TAKEN:
            raise SpecError([configuration.problem(hides(top), HIDES_HINT)])
    return places


def _refuse_unimportable(places: Places, configuration: Configuration, root: Path) -> None:
    """Refuse a configuration whose files Python would look for in another place.

    Package and handlers are found from one import root, the folder that `Places.settle` derives
    from `out` and `package`.

    Raises:
        SpecError: The import root lies inside a package, or what is to be imported from it is
            found from the project's own folder already (HW016).
    """
    import_root = places.package_folder.parents[places.package.count(".")]
    if import_root == root or not import_root.is_relative_to(root):
        return
    base = shown(import_root, root)
    folder, handlers_folder = (
        shown(places.package_folder, root),
        shown(places.handlers_folder, root),
    )
    top, handlers_top = (name.partition(".")[0] for name in (places.package, places.handlers))
    at_home = root.joinpath(*places.handlers.split("."))
    goes = f'"{places.package}" would go to {folder}'
    around = next(
        (
            one
            for one in (import_root, *import_root.parents)
            if one != root and one.is_relative_to(root) and (one / "__init__.py").is_file()
        ),
        None,
    )
    if around is not None:
        inside = shown(around, root)
        fault = f"{goes}, where it cannot be imported: {inside} is a package itself"
    elif top != handlers_top and handlers_top in Path(base).parts:
        fault = f'{goes}, and "{places.handlers}" with it to {handlers_folder}'
    elif (root / top / "__init__.py").is_file() and not (import_root / top).exists():
        fault = f"{goes}, but {top} is imported from {top}/"
    elif _is_module(at_home) and not _is_module(places.handlers_folder):
        fault = f"the handlers are in {shown(at_home, root)}, and would be made again in "
        fault += handlers_folder
    else:
        return
    dotted = ".".join(Path(base).parts)
    hint = f'begin package with "{dotted}.", or set out to the folder from which it is imported'
    if top == handlers_top:
        hint = f'set out = "{top}", the folder from which {places.package} is imported'
    raise SpecError([configuration.problem(fault, hint)])


def _is_module(path: Path) -> bool:
    return (path / "__init__.py").is_file() or path.with_suffix(".py").is_file()
