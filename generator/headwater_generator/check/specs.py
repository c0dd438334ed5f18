"""From paths to checked specs: files, folders and imports read, joined, and held to every rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from ..configuration import load_configuration
from ..grammar import (
    LATEST,
    ObjectType,
    SharedTypes,
    Spec,
    TypeDeclaration,
)
from ..grammar.containers import read_record
from ..grammar.spec import MAX_DECLARED, SECTIONS
from ..load import (
    MAX_LINES,
    Mapping,
    Place,
    Scalar,
    at,
    entries,
    load,
    locate,
    merge,
    names,
    read_sources,
)
from ..load import Sequence as SequenceNode
from ..names import versioned
from ..problems import Problem, SpecError, printable
from . import commands, fields, naming, protobuf, remotes, streams, types, versions
from .functions import read_functions
from .scope import Scope

__all__ = ["load_specs"]

RULES = (
    *naming.RULES,
    *protobuf.RULES,
    *types.RULES,
    *fields.RULES,
    *streams.RULES,
    *remotes.RULES,
    *commands.RULES,
    *versions.RULES,
)

PRIVATE = frozenset({"commands", "remote", "subscriptions"})
"""Sections of a spec that others need not know."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def load_specs(paths: Sequence[Path], root: Path) -> list[Spec]:
    """Return the specs at these paths, in that order, everything about them checked.

    A path is a file, or a folder whose files make one spec. `root` is the project: nothing outside
    it is read.

    Raises:
        SpecError: With all problems of all specs.
    """
    problems: list[Problem] = []
    specs: list[Spec] = []
    for path in paths:
        try:
            spec = _load(path, root, problems)
        except SpecError as error:
            problems.extend(error.problems)
        else:
            if spec:
                specs.append(spec)
    problems = _with_origin(problems, root)
    try:
        problems += _clashes(specs, root)
    except SpecError as error:
        problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return specs


def _with_origin(problems: list[Problem], root: Path) -> list[Problem]:
    """Say of files that are not there who asked for them, where that is the configuration."""
    if not any(problem.code == "HW001" and not problem.line for problem in problems):
        return problems
    try:
        configured = load_configuration(root).spec or ()
    except SpecError:
        return problems  # what is wrong with it is told by others
    named = {PurePosixPath(path).as_posix() for path in configured}
    return [
        replace(problem, hint="named in pyproject.toml")
        if problem.code == "HW001" and not problem.line and problem.file in named
        else problem
        for problem in problems
    ]


def _read_public(
    path: Path, root: Path, functions: Path | None
) -> tuple[Spec | None, list[Problem]]:
    """Return what others may know of a spec, and what is wrong with that."""
    problems: list[Problem] = []
    try:
        spec = _load(path, root, problems, is_public=True, functions=functions)
    except SpecError as error:
        return None, [*problems, *error.problems]
    return spec, problems


def _load(
    path: Path,
    root: Path,
    problems: list[Problem],
    *,
    is_public: bool = False,
    functions: Path | None = None,
) -> Spec | None:
    """Return a spec; None after reporting that there is none, or that it is too large to go on.

    Args:
        is_public: Pass over what is nobody's business but the service's own.
        functions: The file of the functions that `custom` ops call, if it is not beside the spec.
    """
    name = locate(path, root)
    files, found, whole = _read_all([path], root)
    problems += found
    if not whole:
        return None
    node = merge(files, SECTIONS, problems)
    if is_public:
        kept = tuple(one for one in node.entries if one.key.text not in PRIVATE)
        node = Mapping(node.source, node.line, node.column, node.length, kept)
    known = set(problems)
    spec = read_record(Spec, node, problems, _top(node))
    shared, declarations, imported = _imports(node, root, problems)
    if not isinstance(spec, Spec):
        return None
    far = remotes.read_remotes(spec, root, problems, _read_public)
    streams_ = MappingProxyType({**spec.streams, **far.streams})
    spec = replace(spec, streams=streams_, contracts=MappingProxyType(far.contracts))
    sources = {file.source.path for file in (*files, *shared)}
    spec = replace(
        spec,
        types=MappingProxyType(_with_history({**declarations, **spec.types})),
        path=name,
        files=tuple(sorted(sources)),
    )
    scope = Scope(spec, shared)
    excess = list(_excess(scope, [*files, *shared]))
    if excess:
        problems += excess
        return None
    if imported:
        for rule in RULES:
            rule(scope)
        upcasts = read_functions(scope, root, functions)
        spec = replace(_settle(scope), upcasts=upcasts)
    problems += (problem for problem in scope.problems if problem not in known)
    return spec


def _with_history(types: AnyMapping[str, TypeDeclaration]) -> dict[str, TypeDeclaration]:
    """Return the types with their older forms, each under its name in Python, before its newer."""
    return {
        name: one
        for head, declaration in types.items()
        for name, one in (
            *((versioned(head, int(number)), past) for number, past in declaration.history.items()),
            (head, declaration),
        )
    }


def _excess(scope: Scope, files: Sequence[Mapping]) -> Iterator[Problem]:
    """HW011: a service is of a size that people and machines can bear."""
    place = at(scope.spec.node, "service")
    lines = sum(len(file.source.lines) for file in files)
    if lines > MAX_LINES:
        message = f"a spec has at most {MAX_LINES:,} lines, the files of this one have {lines:,}"
        yield place.problem("HW011", message, "make it several services")
    counts = {"events": len(scope.events), "types": len(scope.types)}
    for section in ("streams", "workflows", "commands", "subscriptions"):
        counts[section] = len(names(scope.spec.node, section))
    for noun, count in counts.items():
        if count > MAX_DECLARED:
            message = f"a service has at most {MAX_DECLARED:,} {noun}, this one has {count:,}"
            yield place.problem("HW011", message, "make it several services")


def _read_all(paths: Iterable[Path], root: Path) -> tuple[list[Mapping], list[Problem], bool]:
    """Return what files hold, problems, and whether every file could be read."""
    files: list[Mapping] = []
    problems: list[Problem] = []
    whole = True
    for path in paths:
        try:
            sources = read_sources(path, root)
        except SpecError as error:
            problems.extend(error.problems)
            whole = False
            continue
        for source in sources:
            file = load(source, problems)
            if file is None:
                whole = False
            else:
                files.append(file)
    return files, problems, whole


def _imports(
    node: Mapping, root: Path, problems: list[Problem]
) -> tuple[tuple[Mapping, ...], dict[str, TypeDeclaration], bool]:
    """Read what a spec imports: the files, their types, and whether every one could be read."""
    listed = node.value("imports")
    items = listed.items if isinstance(listed, SequenceNode) else ()
    shared: list[Mapping] = []
    declarations: dict[str, TypeDeclaration] = {}
    places: dict[str, Place] = {entry.key.text: entry.key for entry in entries(node, "types")}
    seen: dict[Path, Place] = {}
    whole = True
    for item in items:
        if not isinstance(item, Scalar):
            continue  # reported by the grammar
        path = _imported_path(item, root, problems)
        if path is None:
            whole = False
            continue
        first = seen.setdefault(path.resolve(), item)
        if first is not item:
            # The same text twice is reported by the list; another way to the same file is not.
            if isinstance(first, Scalar) and first.text != item.text:
                hint = f"the first is on {first.seen_from(item)}"
                problems.append(item.problem("HW108", "this file is imported twice", hint))
            continue
        files, found, readable = _read_all([path], root)
        problems += [_at_import(problem, item) for problem in found]
        for file in files:
            record = read_record(SharedTypes, file, problems, _top(file))
            for entry in entries(file, "types"):
                known = places.setdefault(entry.key.text, entry.key)
                if known is not entry.key:
                    message = f'type "{entry.key.text}" is declared twice'
                    # Told at the type of the spec itself: the shared file may serve others well.
                    place, other = (
                        (known, entry.key) if known.source is node.source else (entry.key, known)
                    )
                    hint = f"the other is at {other.source.path}:{other.line}"
                    problems.append(place.problem("HW303", message, hint))
            if isinstance(record, SharedTypes):
                declarations = {**record.types, **declarations}
                shared.append(file)
            else:
                whole = False
        whole = whole and readable
    return tuple(shared), declarations, whole


def _at_import(problem: Problem, item: Scalar) -> Problem:
    """Say at the import that its file is not there; what is wrong inside stays inside."""
    if problem.line:
        return problem
    return item.problem(problem.code, f"{problem.file}: {problem.message}", problem.hint)


def _imported_path(item: Scalar, root: Path, problems: list[Problem]) -> Path | None:
    text = item.text
    if not text.strip() or not text.isprintable():
        return None  # reported by the grammar
    fault = ""
    if _URL.match(text):
        fault = "a URL or drive is not read"
    elif text.startswith(("/", "~", "\\")):
        fault = "an absolute path is not read"
    elif "\\" in text:
        fault = "a path has / between its parts"
    elif not text.endswith(".yaml"):
        fault = "an imported file ends in .yaml"
    if not fault:
        base = root / item.source.path
        path = base.parent / text
        try:
            if not path.resolve().is_relative_to(root.resolve()):
                fault = "the file lies outside the project"
        except (OSError, RuntimeError, ValueError):
            fault = "the path cannot be followed"
        if not fault:
            return path
    hint = "relative to this file, inside the project"
    problems.append(item.problem("HW013", f"{printable(text)!r}: {fault}", hint))
    return None


def _settle(scope: Scope) -> Spec:
    """Return the spec with every default settled: of fields as on the wire, of starts by stream."""
    spec = scope.spec
    types_: dict[str, TypeDeclaration] = {
        name: replace(one, fields=fields.settled_fields(scope, one.fields))
        if isinstance(one, ObjectType)
        else one
        for name, one in spec.types.items()
    }
    workflows = {
        name: replace(
            workflow,
            events=MappingProxyType(
                {
                    event: replace(
                        one,
                        fields=fields.settled_fields(scope, one.fields),
                        history=MappingProxyType(
                            {
                                number: replace(
                                    past, fields=fields.settled_fields(scope, past.fields)
                                )
                                for number, past in one.history.items()
                            }
                        ),
                    )
                    for event, one in workflow.events.items()
                }
            ),
        )
        for name, workflow in spec.workflows.items()
    }
    commands_ = {
        name: replace(one, fields=fields.settled_fields(scope, one.fields))
        for name, one in spec.commands.items()
    }
    ephemeral = {name for name, stream in spec.streams.items() if stream.type == "ephemeral"}
    subscriptions = {
        name: replace(one, start=LATEST) if one.stream in ephemeral else one
        for name, one in spec.subscriptions.items()
    }
    return replace(
        spec,
        types=MappingProxyType(types_),
        workflows=MappingProxyType(workflows),
        commands=MappingProxyType(commands_),
        subscriptions=MappingProxyType(subscriptions),
    )


def _clashes(specs: Sequence[Spec], root: Path) -> list[Problem]:
    """HW308: services of one run have names, packages and handlers of their own."""
    configuration = load_configuration(root)
    problems: list[Problem] = []
    services: dict[str, Spec] = {}
    packages: dict[str, Spec] = {}
    handlers: dict[str, Spec] = {}
    for spec in specs:
        place = at(spec.node, "service")
        first = services.setdefault(spec.service, spec)
        if first is not spec:
            if first.path != spec.path:
                message = f'service "{spec.service}" is described twice'
                problems.append(place.problem("HW308", message, f"the other is {first.path}"))
            continue
        package = configuration.package_for(spec.service)
        other = packages.setdefault(package, spec)
        if other is not spec:
            message = f"{spec.service} and {other.service} would both become the package {package}"
            hint = "put {service} into package under [tool.headwater]"
            problems.append(place.problem("HW308", message, hint))
        folder = configuration.handlers_for(spec.service)
        other = handlers.setdefault(folder, spec)
        if other is not spec:
            message = f"{spec.service} and {other.service} would both have handlers in {folder}"
            hint = "put {service} into handlers under [tool.headwater]"
            problems.append(place.problem("HW308", message, hint))
    return problems


def _top(node: Mapping) -> Place:
    """Return where a key that a file lacks would go: its first line."""
    return Place(node.source, node.line, node.column, 1)
