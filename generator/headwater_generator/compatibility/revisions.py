"""The spec as git has it: at the commit where a branch began.

The branch's tip would tell what others added since as if it had been removed here; where the
branches parted, nothing of that is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..check import load_specs
from ..configuration import load_configuration
from ..grammar import Spec
from ..load import MAX_BYTES
from ..lock import Lock, lock_folder, read_lock
from ..lock.files import SUFFIX
from ..problems import Problem, SpecError, printable

__all__ = ["Past", "project_since"]

TIMEOUT = 60.0  # seconds that one call of git may take
MAX_FILES = 10_000  # that may belong to specs
SHOWN = 10  # characters of a commit's name


@dataclass(frozen=True, slots=True)
class Past:
    """A project as it was at a commit."""

    commit: str
    """Its name, shortened."""
    services: tuple[tuple[Spec, Lock], ...]
    """Each with its lock of then; none if there were none."""


def project_since(root: Path, ref: str) -> Past:
    """Return a project as it was where HEAD and a ref parted.

    Nothing of the project is touched: what belongs to specs and locks is written to a folder of its
    own, which is gone afterwards.

    Raises:
        SpecError: There is no git, no repository or no such ref, or the two share no commit
            (HW909); or the specs or locks were wrong then.
    """
    commit = _parting(root, ref)
    with TemporaryDirectory(prefix="headwater-") as folder:
        then = Path(folder).resolve()
        _restore(root, commit, then)
        try:
            paths = load_configuration(then).spec_paths()
        except SpecError as error:
            if {problem.code for problem in error.problems} == {"HW017"}:
                return Past(commit[:SHOWN], ())
            raise _dated(error, commit) from None
        present = [path for path in paths if path.exists()]
        try:
            specs = load_specs(present, then)
            locks = [read_lock(lock_folder(then / one.path, one.service), then) for one in specs]
        except SpecError as error:
            raise _dated(error, commit) from None
        return Past(commit[:SHOWN], tuple(zip(specs, locks, strict=True)))


def _parting(root: Path, ref: str) -> str:
    if not ref or ref.startswith("-") or not ref.isprintable():
        raise _wrong(f'"{printable(ref)}" is no name of a commit, branch or tag')
    inside = _git(root, "rev-parse", "--is-inside-work-tree")
    if inside is None:
        raise _wrong("the project is in no git repository", "leave out --against: the lock is used")
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") is None:
        raise _wrong("the repository has no commit yet", "leave out --against: the lock is used")
    there = _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if there is None:
        hint = "fetch it first, as in `git fetch origin main`, or see `git branch --all`"
        raise _wrong(f'git knows no "{printable(ref)}"', hint)
    base = _git(root, "merge-base", there.decode().strip(), "HEAD")
    if base is None:
        hint = "a shallow clone has too little history: `git fetch --unshallow`"
        raise _wrong(f'HEAD and "{printable(ref)}" share no commit', hint)
    return base.decode().split()[0]


def _restore(root: Path, commit: str, folder: Path) -> None:
    """Write what belonged to specs and locks at a commit."""
    wanted = list(_wanted(root, commit))
    if len(wanted) > MAX_FILES:
        raise _wrong(f"at {commit[:SHOWN]} there were more than {MAX_FILES:,} files of specs")
    for blob, name in wanted:
        content = _git(root, "cat-file", "blob", blob)
        if content is None:
            hint = "a partial clone may lack it: `git fetch --refetch`"
            raise _wrong(f"git does not have {printable(name)} as of {commit[:SHOWN]}", hint)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _wanted(root: Path, commit: str) -> Iterator[tuple[str, str]]:
    """Yield the blobs of YAML, locks, functions that upcast, and the settings, with their paths."""
    listing = _git(root, "ls-tree", "-r", "-l", "-z", commit) or b""
    for row in listing.split(b"\0"):
        head, _, raw = row.partition(b"\t")
        parts = head.split()
        if len(parts) != 4 or parts[0] not in {b"100644", b"100755"}:
            continue
        name = raw.decode("utf-8", "surrogateescape")
        path = Path(name)
        is_upcast = path.suffix == ".py" and "upcasts" in path.parts
        is_lock = name.endswith(SUFFIX) and "lock" in path.parts
        is_yaml = path.suffix in {".yaml", ".yml"}
        is_wanted = is_yaml or is_lock or is_upcast or name == "pyproject.toml"
        if is_wanted and int(parts[3]) <= MAX_BYTES:
            yield parts[2].decode(), name


def _git(root: Path, *arguments: str) -> bytes | None:
    """Return what git prints; None where it refuses."""
    program = shutil.which("git")
    if program is None:
        raise _wrong("there is no git on the path", "install it, or leave out --against")
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, arguments that are no shell's
            [program, *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _wrong(f"git {arguments[0]} did not answer: {printable(str(error))}") from None
    return done.stdout if done.returncode == 0 else None


def _wrong(message: str, hint: str = "") -> SpecError:
    return SpecError([Problem(code="HW909", message=message, file="git", hint=hint)])


def _dated(error: SpecError, commit: str) -> SpecError:
    """Return problems of a spec of then under names that tell so."""
    return SpecError(
        replace(problem, file=f"{commit[:SHOWN]}:{problem.file}") for problem in error.problems
    )
