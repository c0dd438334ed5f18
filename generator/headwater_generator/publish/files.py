"""Writing below the declared folders and nowhere else, whole or not at all; and the lock.

Every write goes to a temporary file beside its target first. Only when all of them are on the disk
are they renamed, so that a full disk changes nothing and a crash leaves only whole files.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..problems import Problem, SpecError
from ..replacing import TEMPORARY, replace, write_beside

__all__ = [
    "LOCK_TIMEOUT",
    "Guard",
    "locked",
    "next_manifest",
    "publish",
    "remove_leftovers",
    "shown",
    "working_folder",
]

LOCK_TIMEOUT = 60.0  # seconds to wait for another run

_IGNORE_ALL = b"# Made by Headwater: locks and caches. Safe to delete.\n*\n"


class Guard:
    """Refuses whatever leaves the folders that were declared, or could not be a file in them."""

    def __init__(self, roots: Iterable[Path], project: Path) -> None:
        self._roots = tuple({Path(os.path.realpath(root)) for root in roots})
        self._project = project
        self._folders: dict[Path, Path] = {}

    def check(self, path: Path) -> None:
        """Let a path pass that stays inside once all links are followed, in folders all the way.

        Raises:
            SpecError: It leads out (HW705), or there is a file where one of its folders belongs
                (HW702).
        """
        if path.parent not in self._folders:
            self._folders[path.parent] = Path(os.path.realpath(path.parent))
            there = next(one for one in path.parents if os.path.lexists(one))
            if not there.is_dir():
                problem = Problem(
                    code="HW702",
                    message="a file is here, where a folder belongs",
                    file=shown(there, self._project),
                    hint="move it elsewhere, or delete it",
                )
                raise SpecError([problem])
        folder = self._folders[path.parent]
        real = Path(os.path.realpath(path)) if path.is_symlink() else folder / path.name
        if not any(real.is_relative_to(root) and real != root for root in self._roots):
            raise SpecError(
                [
                    Problem(
                        code="HW705",
                        message=f"this leads to {real}, outside of the folders to write to",
                        file=shown(path, self._project),
                        hint="remove the symbolic link, or name the real folder with --out",
                    )
                ]
            )


def shown(path: Path, project: Path) -> str:
    """Return a path as reports and manifests write it: relative to the project, with `/`."""
    name, folder = str(path), f"{project}/"
    if name.startswith(folder) and ".." not in name:
        return name.removeprefix(folder)  # so are nearly all, and there are thousands
    return Path(os.path.relpath(path, project)).as_posix()


def publish(
    *,
    changed: Mapping[Path, bytes],
    created: Mapping[Path, bytes],
    removed: Iterable[Path],
    manifests: Mapping[Path, bytes],
    keep: frozenset[Path],
    project: Path,
) -> None:
    """Write everything, or as good as nothing.

    `created` files are never written over one that appeared meanwhile. Each manifest is there as
    `<name>.next` from before the first file changes until the last one has: should the run end in
    between, the next one knows the new files for its own. Folders that become empty are removed,
    but for those in `keep`.

    Raises:
        SpecError: A file cannot be written (HW706). What was there before is whole.
    """
    staged: dict[Path, Path] = {}
    path = project
    try:
        for path, content in {**changed, **created}.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            staged[path] = write_beside(path, content)
        for path, content in manifests.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(next_manifest(path), content)
        # First, for where upper and lower case are one, a name may be that of a new file.
        for path in removed:
            path.unlink(missing_ok=True)
            _remove_empty(path.parent, keep)
        for path in changed:
            staged.pop(path).replace(path)
        for path in created:
            _link(staged[path], path)
        for path in manifests:
            next_manifest(path).replace(path)
    except OSError as error:
        raise SpecError(
            [
                Problem(
                    code="HW706",
                    message=f"cannot be written: {error.strerror or error}",
                    file=shown(path, project),
                    hint="every file is whole, old or new; remove the cause and run again",
                )
            ]
        ) from error
    finally:
        for temporary in staged.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def next_manifest(path: Path) -> Path:
    """Return where a manifest waits while the files that it names are written."""
    return path.with_name(f"{path.name}.next")


def remove_leftovers(folders: Iterable[Path]) -> None:
    """Remove the unfinished files of a run that was killed. Only under the lock."""
    for folder in folders:
        for path in folder.glob(f".*{TEMPORARY}"):
            with contextlib.suppress(OSError):
                path.unlink()


def working_folder(root: Path) -> Path:
    """Return the project's folder for locks and caches, which git is told to ignore."""
    folder = root / ".headwater"
    ignore = folder / ".gitignore"
    if not ignore.exists():
        folder.mkdir(parents=True, exist_ok=True)
        replace(ignore, _IGNORE_ALL)
    return folder


@contextlib.contextmanager
def locked(root: Path, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """Be the only run in this project. The lock ends with its process, however that ends.

    Raises:
        SpecError: Another run holds it for longer than `timeout` seconds (HW704), or the folder
            cannot be written (HW706).
    """
    path = root / ".headwater" / "lock"
    try:
        working_folder(root)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        problem = Problem(
            code="HW706",
            message=f"cannot be written: {error.strerror or error}",
            file=".headwater/lock",
            hint="make .headwater a folder that you may write to; it may be deleted at any time",
        )
        raise SpecError([problem]) from error
    try:
        _wait(descriptor, time.monotonic() + timeout)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                problem = Problem(
                    code="HW704",
                    message="another run is writing to this project",
                    file=".headwater/lock",
                    hint="wait for it, or end it; the lock ends with its process",
                )
                raise SpecError([problem]) from None
            time.sleep(0.02)
        else:
            return


def _link(temporary: Path, path: Path) -> None:
    """Give the file its name, unless something has it already."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            temporary.replace(path)


def _remove_empty(folder: Path, keep: frozenset[Path]) -> None:
    while folder not in keep:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
