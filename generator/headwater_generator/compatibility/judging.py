"""A project compared with what others know of it: what breaks, and what was accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..check import load_specs
from ..configuration import load_configuration
from ..evolution import canonical
from ..grammar import Spec
from ..load import Mapping as MappingNode
from ..load import Place, at
from ..lock import Accepted, Lock, lock_folder, read_lock, render_lock
from ..lock.entries import hash_of
from ..problems import Problem
from ..publish.files import LOCK_TIMEOUT, locked, publish
from ..publish.plan import draw_up_lock
from .baseline import Baseline, Request, at_commit, of_lock, requests_of
from .contracts import refusals, result_refusals
from .revisions import project_since
from .verdicts import EventVerdicts, Mode, verdicts

__all__ = ["Break", "CommandVerdict", "Comparison", "accept", "compare", "event_place", "settled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A change that some who rely on the service cannot bear."""

    subject: str
    """The event or command."""
    version: int
    """Of the event, its head; 0 of a command."""
    change: str
    """What it is, in words."""
    reason: str = ""
    """Why it was accepted; empty if it was not."""
    problem: Problem

    @property
    def is_accepted(self) -> bool:
        """Whether the team has taken it upon itself."""
        return bool(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandVerdict:
    """What a change of one command means to its callers."""

    name: str
    is_new: bool = False
    is_changed: bool = True
    breaks: tuple[str, ...] = ()
    """Why a request that was accepted may be refused, or its answer not be read."""
    forward: tuple[str, ...] = ()
    """Why a request of new callers may be refused by the service as it was."""

    @property
    def order(self) -> str:
        """In which order it is safe to deploy."""
        if self.breaks:
            return "in no order: callers as they are would be refused"
        return "the service first, then its callers" if self.forward else "in any order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A service compared with what others know of it."""

    spec: Spec
    baseline: Baseline
    events: tuple[EventVerdicts, ...]
    commands: tuple[CommandVerdict, ...]
    breaks: tuple[Break, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The breaks that were not accepted."""
        return tuple(one.problem for one in self.breaks if not one.is_accepted)


def compare(root: Path, against: str | None = None) -> list[Comparison]:
    """Return what each service of a project changes for others.

    Args:
        against: A git ref: compared with the specs at the commit where it and HEAD parted. Without,
            with what was released, which the locks have.

    Raises:
        SpecError: A spec or lock is wrong, or git cannot tell what the spec was (HW909).
    """
    root = root.resolve()
    specs = load_specs(load_configuration(root).spec_paths(), root)
    return _compared(root, specs, [_read(spec, root) for spec in specs], against)


def accept(
    root: Path, reason: str, against: str | None = None, *, lock_timeout: float = LOCK_TIMEOUT
) -> list[Break]:
    """Write into the locks that the breaks of now are accepted, and return those that were not.

    A break is accepted once and for what it is: the next one is told again.

    Raises:
        SpecError: As `compare`; nothing was written.
    """
    root = root.resolve()
    with locked(root, lock_timeout):
        specs = load_specs(load_configuration(root).spec_paths(), root)
        locks = [_read(spec, root) for spec in specs]
        told: list[Break] = []
        changed: dict[Path, bytes] = {}
        compared = _compared(root, specs, locks, against)
        for spec, lock, one in zip(specs, locks, compared, strict=True):
            new = [each for each in one.breaks if not each.is_accepted]
            if not new:
                continue
            told += new
            rows = tuple(
                Accepted(
                    subject=each.subject, version=each.version, change=each.change, reason=reason
                )
                for each in new
            )
            folder = lock_folder(root / spec.path, spec.service)
            files = render_lock(replace(lock, accepted=(*lock.accepted, *rows)))
            plan = draw_up_lock(folder, {folder / name: text for name, text in files.items()}, root)
            changed |= plan.changed
        publish(
            changed=changed,
            created={},
            removed=(),
            manifests={},
            keep=frozenset({root}),
            project=root,
        )
    return told


def settled(spec: Spec, lock: Lock) -> Lock:
    """Return a lock, after a release, in which acceptances of what is no break any more have ended.

    So an event that moves back, and then the same way once more, needs a reason each time.
    """
    standing = {_key_of(one) for one in _comparison(spec, of_lock(lock), lock, lock).breaks}
    accepted = tuple(
        replace(one, is_settled=one.is_settled or _key_of(one) not in standing)
        for one in lock.accepted
    )
    return replace(lock, accepted=accepted)


def _compared(
    root: Path, specs: Sequence[Spec], locks: Sequence[Lock], against: str | None
) -> list[Comparison]:
    if against is None:
        return [
            _comparison(spec, of_lock(lock), lock, lock)
            for spec, lock in zip(specs, locks, strict=True)
        ]
    past = project_since(root, against)
    label = f"{against} as of {past.commit}"
    known = {spec.service: (at_commit(spec, label), lock) for spec, lock in past.services}
    new = (Baseline(label=label), Lock())
    return [
        _comparison(spec, *known.get(spec.service, new), lock)
        for spec, lock in zip(specs, locks, strict=True)
    ]


def _comparison(spec: Spec, baseline: Baseline, then: Lock, lock: Lock) -> Comparison:
    """Compare with a baseline; `then` is the lock as those who know the baseline know it."""
    events = tuple(verdicts(spec, baseline))
    commands = tuple(_commands(spec, baseline.commands))
    reasons = _reasons(then, lock)
    found = [*_event_breaks(spec, events), *_command_breaks(spec, baseline, commands)]
    return Comparison(
        spec=spec,
        baseline=baseline,
        events=events,
        commands=commands,
        breaks=tuple(replace(one, reason=reasons.get(_key_of(one), "")) for one in found),
    )


def _reasons(then: Lock, lock: Lock) -> dict[tuple[str, int, str], str]:
    """Return why breaks are accepted, but for what was settled when others looked last.

    An acceptance that was settled since counts: to them, what was released since is as new as the
    rest. A break that comes again has a row each time, in that order.
    """
    ended = Counter(_key_of(one) for one in then.accepted if one.is_settled)
    reasons: dict[tuple[str, int, str], str] = {}
    for one in lock.accepted:
        if ended[_key_of(one)]:
            ended[_key_of(one)] -= 1
        else:
            reasons[_key_of(one)] = one.reason
    return reasons


def _key_of(one: Break | Accepted) -> tuple[str, int, str]:
    return one.subject, one.version, one.change


def _commands(spec: Spec, known: Mapping[str, Request]) -> Iterator[CommandVerdict]:
    current = requests_of(spec)
    for name, now in current.items():
        before = known.get(name)
        if before is None:
            yield CommandVerdict(name=name, is_new=True)
            continue
        yield CommandVerdict(
            name=name,
            is_changed=now != before,
            breaks=(
                *refusals(before.body, now.body),
                *result_refusals(before.result, now.result),
            ),
            forward=tuple(refusals(now.body, before.body)),
        )
    for name in known:
        if name not in current:
            yield CommandVerdict(name=name, breaks=("the command is gone",))


def _event_breaks(spec: Spec, events: Sequence[EventVerdicts]) -> Iterator[Break]:
    for one in events:
        mode = wanted(spec, one.name)
        for change in one.verdicts[mode].breaks:
            message = f"{one.name} is not {mode}: {change}"
            reached = f"reaches {'; '.join(one.readers)}. " if one.readers else ""
            yield Break(
                subject=one.name,
                version=one.now or one.before or 0,
                change=change,
                problem=event_place(spec, one.name).problem(
                    "HW910", message, f"{reached}Deploy {one.order}"
                ),
            )


def _command_breaks(
    spec: Spec, baseline: Baseline, commands: Sequence[CommandVerdict]
) -> Iterator[Break]:
    for one in commands:
        for change in one.breaks:
            before = baseline.commands[one.name]
            result = canonical(before.result) if before.result else None
            mark = hash_of([canonical(before.body), result])[:8]
            yield Break(
                subject=one.name,
                version=0,
                change=f"{change} (since {mark})",  # a contract has no version to tell it by
                problem=_key(at(spec.node, "commands"), one.name).problem(
                    "HW910",
                    f"callers of {one.name} break: {change}",
                    "who knows it as it was sends that; keep it, or give what is new a default",
                ),
            )


def wanted(spec: Spec, event: str) -> Mode:
    """Return the mode that an event is judged by: its stream's, else the service's."""
    for workflow in spec.workflows.values():
        if event in workflow.events and workflow.stream in spec.streams:
            return spec.streams[workflow.stream].compatibility or spec.compatibility
    return spec.compatibility


def event_place(spec: Spec, name: str) -> Place:
    """Return where an event is declared; of one that is not, where the workflows are."""
    for workflow, declared in spec.workflows.items():
        if name in declared.events:
            return _key(at(spec.node, "workflows", workflow, "events"), name)
    return _key(at(spec.node, "workflows"), name)


def _key(node: object, name: str) -> Place:
    if isinstance(node, MappingNode) and (entry := node.entry(name)):
        return entry.key
    if not isinstance(node, Place):
        raise TypeError(node)
    return node


def _read(spec: Spec, root: Path) -> Lock:
    return read_lock(lock_folder(root / spec.path, spec.service), root)
