"""Other services: their contracts found and read, and what may be done with their streams."""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from headwater.schema import FORMAT

from ..configuration import load_configuration
from ..grammar import Contract, Origin, Remote, Spec, Stream
from ..load import Mapping, Place, Scalar, at, entries
from ..names import nearest
from ..problems import Problem
from .scope import Scope

__all__ = ["RULES", "ReadPublic", "Remotes", "read_remotes"]

CONTRACT_FILE = "contract.yaml"
FORMAT_KEY = "x-format"

_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

ReadPublic = Callable[[Path, Path, Path | None], tuple[Spec | None, list[Problem]]]
"""Reads what a spec publishes, given its path, the project that it is in, and the file of its
functions where that is not the usual one."""


@dataclass(slots=True)
class Remotes:
    """What was found of a spec's remotes."""

    contracts: dict[str, Contract] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    """Each by what subscriptions call it, `user-service/users`."""


def read_remotes(spec: Spec, root: Path, problems: list[Problem], read: ReadPublic) -> Remotes:
    """Find the contracts of the services that a spec reads from, and the streams that it asks for.

    HW541 to HW544, HW547: what is wrong with one of them is told, and it is left out.
    """
    found = Remotes()
    for name, remote in spec.remote.items():
        place = _key(spec.node, name)
        if name == spec.service:
            message = f"{name} is this service itself: what it records is no other's"
            hint = f"a subscription reads stream: {next(iter(remote.streams), 'users')}"
            problems.append(place.problem("HW547", message, hint))
            continue
        contract = _contract(name, remote, root, problems, read)
        if contract is None:
            continue
        found.contracts[name] = contract
        public = {one: each for one, each in contract.spec.streams.items() if each.publish}
        for stream, wanted in remote.streams.items():
            if stream not in public:
                problems.append(_unpublished(name, remote, stream, contract, list(public)))
                continue
            found.streams[f"{name}/{stream}"] = Stream(
                type="ephemeral" if wanted.direct else "persistent",
                description=public[stream].description,
                delivery=wanted.delivery,
                retention=wanted.retention,
                origin=Origin(name, stream, wanted.direct),
                node=wanted.node,
            )
    return found


def _contract(
    name: str, remote: Remote, root: Path, problems: list[Problem], read: ReadPublic
) -> Contract | None:
    where = at(remote.node, "client" if remote.client is not None else "spec")
    if remote.client is not None:
        path = _client(remote.client, where, root, problems)
        if path is None:
            return None
        project, functions = path.parent.parent, path.with_name("upcasts.py")
    else:
        found = _spec_path(remote.spec or "", where, root, problems)
        if found is None:
            return None
        path, project, functions = found, root, None
    public, faults = read(path, project, functions)
    problems += faults
    if public is None or faults:
        return None
    if remote.client is not None and (fault := _misfit(public)):
        hint = "install the version of it that was made for this Headwater, or another Headwater"
        problems.append(where.problem("HW543", f"{remote.client} {fault}", hint))
        return None
    if public.service != name:
        message = f"this is the contract of {public.service}, not of {name}"
        problems.append(where.problem("HW544", message, f"call the remote {public.service}"))
        return None
    files = tuple(project / one for one in public.files)
    files += (project / public.upcasts.path,) if public.upcasts else ()
    return Contract(spec=public, client=remote.client, files=files)


def _misfit(public: Spec) -> str:
    """Return how a client package was not made for this Headwater; "" if it was."""
    node = public.node.value(FORMAT_KEY) if isinstance(public.node, Mapping) else None
    text = node.text if isinstance(node, Scalar) else "none"
    return "" if text == str(FORMAT) else f"was generated in format {text}, and this is {FORMAT}"


def _client(name: str, place: Place, root: Path, problems: list[Problem]) -> Path | None:
    """Return the contract in an installed client package; nothing of it is imported."""
    if _MODULE.fullmatch(name) is None or keyword.iskeyword(name):
        message = f'"{name}" is not what a client package is imported as'
        problems.append(place.problem("HW541", message, "such as user_service_client"))
        return None
    folders = list(_folders_of(name, root))
    for folder in folders:
        if (folder / CONTRACT_FILE).is_file():
            return folder / CONTRACT_FILE
    if folders:
        message = f"{name} is installed, and it is no client package: it has no {CONTRACT_FILE}"
        problems.append(place.problem("HW541", message, "name the package of the service's events"))
        return None
    hint = f"`pip install {name.replace('_', '-')}`, or name its spec: {{spec: ...yaml}}"
    problems.append(place.problem("HW541", f"client package {name} is not installed here", hint))
    return None


def _folders_of(name: str, root: Path) -> Iterator[Path]:
    """Yield where a package is: for this Python, in the project's environment, or generated."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    for place in (found and found.submodule_search_locations) or ():
        yield Path(place)
    environments = sorted(root.glob(f".venv/lib/python3*/site-packages/{name}"))
    generated = root / load_configuration(root).client_out / name / name
    yield from (one for one in (*environments, generated) if one.is_dir())


def _spec_path(text: str, place: Place, root: Path, problems: list[Problem]) -> Path | None:
    path = (root / place.source.path).parent / text
    fault = ""
    if text.startswith(("/", "~")) or "\\" in text or ":" in text:
        fault = "this is no path relative to this file, with / between its parts"
    else:
        try:
            if not path.resolve().is_relative_to(root.resolve()):
                fault = "the spec lies outside the project"
            elif not path.exists():
                fault = "there is no such spec"
        except (OSError, RuntimeError, ValueError):
            fault = "the path cannot be followed"
    if not fault:
        return path
    hint = "a service of another project is read through its client package: {client: ...}"
    problems.append(place.problem("HW541", f'"{text}": {fault}', hint))
    return None


def _unpublished(
    name: str, remote: Remote, stream: str, contract: Contract, public: list[str]
) -> Problem:
    place = _stream_place(remote, stream)
    if stream in contract.spec.streams:
        message = f'{name} does not publish "{stream}": the stream is internal'
        return place.problem("HW542", message, "its owner can write publish: true")
    better = nearest(stream, public)
    hint = f'did you mean "{better}"?' if better else f"it publishes {', '.join(public) or 'none'}"
    return place.problem("HW542", f'{name} has no stream "{stream}"', hint)


def _stream_place(remote: Remote, stream: str) -> Place:
    for entry in entries(remote.node, "streams"):
        if entry.key.text == stream:
            return entry.key
    return remote.streams[stream].node


def _key(node: object, name: str) -> Place:
    for entry in entries(node if isinstance(node, Mapping) else None, "remote"):
        if entry.key.text == name:
            return entry.key
    return node  # type: ignore[return-value]  # the spec itself: a node is a place


def nobody_else_writes(scope: Scope) -> None:
    """HW545: what is recorded in a stream is recorded by its owner."""
    for what, section in (("workflow", scope.spec.workflows), ("command", scope.spec.commands)):
        for name, user in section.items():
            if user.stream in scope.remote_streams:
                owner = user.stream.partition("/")[0]
                message = f'"{user.stream}" is a stream of {owner}, and only {owner} writes to it'
                hint = f"give {what} {name} a stream of this service"
                scope.add(at(user.node, "stream"), "HW545", message, hint)


def direct_streams_are_queues(scope: Scope) -> None:
    """HW546: what is read straight from the broker is not kept here."""
    for name, stream in scope.spec.streams.items():
        if not (stream.origin and stream.origin.direct):
            continue
        if place := _setting(stream.node, "retention"):
            message = f'"{name}" is read straight from the broker: nothing of it is kept here'
            scope.add(place, "HW546", message, "leave it out, or direct: true")
        for subscription in scope.spec.subscriptions.values():
            if subscription.stream != name:
                continue
            if subscription.mode in {"consumer-group", "read-receipt"}:
                message = (
                    f'a {subscription.mode} needs a log, and "{name}" is read straight from the '
                    "broker"
                )
                hint = "leave direct: true out, or make the mode exclusive or broadcast"
                scope.add(at(subscription.node, "mode"), "HW546", message, hint)
            if place := _setting(subscription.node, "start"):
                message = (
                    f'"{name}" is read straight from the broker: there is no past to start from'
                )
                scope.add(place, "HW546", message, "leave it out, or direct: true")


def _setting(node: object, name: str) -> Place | None:
    entry = node.entry(name) if isinstance(node, Mapping) else None
    return entry.key if entry else None


RULES = (nobody_else_writes, direct_streams_are_queues)
