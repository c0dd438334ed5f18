"""Releasing drafts, and beginning versions: what changes the lock or the spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from .check import load_specs
from .compatibility import settled
from .configuration import load_configuration
from .grammar import Spec
from .lock import Lock, contradictions, lock_folder, read_lock, release, render_lock
from .lock.scaffolding import Scaffold, next_event, next_type
from .model.versions import type_versions_of
from .names import nearest
from .problems import Problem, SpecError
from .publish.files import LOCK_TIMEOUT, locked, publish, shown
from .publish.plan import draw_up_lock

__all__ = ["begin_version", "release_drafts"]


def release_drafts(
    root: Path, names: Sequence[str] = (), *, reason: str = "", lock_timeout: float = LOCK_TIMEOUT
) -> tuple[str, ...]:
    """Freeze the drafts of a project's services, and return what was, such as `UserAdded@2`.

    Args:
        names: Events and commands; all without any.
        reason: Why ops of released versions are replaced by others; kept in the lock.

    Raises:
        SpecError: A spec or lock is wrong, or nothing has such a name (HW907); nothing was written.
    """
    root = root.resolve()
    with locked(root, lock_timeout):
        specs = load_specs(load_configuration(root).spec_paths(), root)
        locks = [_read(spec, root) for spec in specs]
        known = [name for spec in specs for name in (*_events(spec), *spec.commands)]
        problems = [
            _unknown(name, known, "event or command") for name in names if name not in known
        ]
        mended = (names or None) if reason else ()
        for spec, lock in zip(specs, locks, strict=True):
            problems += contradictions(spec, lock, mended)
        if problems:
            raise SpecError(problems)
        told: list[str] = []
        changed: dict[Path, bytes] = {}
        removed: list[Path] = []
        for spec, lock in zip(specs, locks, strict=True):
            new, released = release(spec, lock, names, reason)
            folder = lock_folder(root / spec.path, spec.service)
            files = {
                folder / name: content for name, content in render_lock(settled(spec, new)).items()
            }
            plan = draw_up_lock(folder, files, root)
            changed |= plan.changed
            removed += plan.removed
            told += released
        publish(
            changed=changed,
            created={},
            removed=removed,
            manifests={},
            keep=frozenset({root}),
            project=root,
        )
    return tuple(told)


def begin_version(
    root: Path, name: str, *, lock_timeout: float = LOCK_TIMEOUT
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write the next version of an event or type into its spec; return the files, and what is new.

    The spec says what it said before: the new version's fields are those of the old one, for the
    team to change. Of a type that several services import, each service's events follow.

    Raises:
        SpecError: A spec or lock is wrong, nothing has such a name (HW907), or the version is a
            draft, which may simply be changed (HW908); nothing was written.
    """
    root = root.resolve()
    with locked(root, lock_timeout):
        specs = load_specs(load_configuration(root).spec_paths(), root)
        services = [(spec, _read(spec, root)) for spec in specs]
        made = _scaffold(services, root, name)
        changed = {root / path: text.encode() for path, text in made.files.items()}
        publish(
            changed=changed,
            created={},
            removed=(),
            manifests={},
            keep=frozenset({root}),
            project=root,
        )
    files = tuple(sorted(shown(path, root) for path in changed))
    return files, made.versions


def _scaffold(services: Sequence[tuple[Spec, Lock]], root: Path, name: str) -> Scaffold:
    having = [one for one in services if name in _events(one[0]) or name in _heads(one[0])]
    if not having:
        known = [each for spec, _ in services for each in (*_events(spec), *_heads(spec))]
        raise SpecError([_unknown(name, known, "event or type")])
    problems = [problem for spec, lock in services for problem in contradictions(spec, lock)]
    if problems:
        raise SpecError(problems)
    texts = {
        path: (root / path).read_bytes().decode("utf-8-sig")
        for spec, _ in services
        for path in spec.files
    }
    drafts: list[Problem] = []
    for spec, lock in having:
        events, heads = _events(spec), _heads(spec)
        version = events[name] if name in events else heads[name]
        entry = (lock.events if name in events else lock.types).get(name, {}).get(version)
        if entry and entry.is_released:
            is_event = name in events
            return next_event(spec, texts, name) if is_event else next_type(having, texts, name)
        drafts.append(_draft(spec, name, version))
    raise SpecError(drafts)


def _read(spec: Spec, root: Path) -> Lock:
    return read_lock(lock_folder(root / spec.path, spec.service), root)


def _events(spec: Spec) -> dict[str, int]:
    """Return the version of each event's head."""
    return {
        name: event.version
        for workflow in spec.workflows.values()
        for name, event in workflow.events.items()
    }


def _heads(spec: Spec) -> dict[str, int]:
    """Return the version of each type's head."""
    return {one.name: one.version for one in type_versions_of(spec) if one.is_head}


def _unknown(name: str, known: Iterable[str], noun: str) -> Problem:
    better = nearest(name, known)
    return Problem(
        code="HW907",
        message=f'no {noun} is called "{name}"',
        file="headwater",
        hint=f'did you mean "{better}"?' if better else "",
    )


def _draft(spec: Spec, name: str, version: int) -> Problem:
    return Problem(
        code="HW908",
        message=f"version {version} of {name} is a draft: nothing keeps you from changing it",
        file=spec.path,
        hint="change it, or freeze it first with `headwater release`",
    )
