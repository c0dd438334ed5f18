"""`headwater generate [SPEC...]`: typed packages and stubs out of specs.

Whether there is anything to do is decided first, by looking at files: then nothing heavy is
imported.

Exit status: 0 done · 1 `--check` found something · 2 a spec or the call is wrong.
"""

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..publish.stamp import Stamp, stamp_path

if TYPE_CHECKING:
    from pathlib import Path

    from ..generation import Progress, Report
    from ..problems import Format

__all__ = ["SUMMARY", "run"]

SUMMARY = "turn specs into typed packages, and create stubs for what is new"

MOST_LINES = 40  # files that are told one by one
LONG_RUN = 100  # definitions from which on progress is shown


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    here = os.getcwd()  # noqa: PTH109 - pathlib is not needed yet
    path = stamp_path(_root(here), here, argv)
    stamp = Stamp.read(path)
    if stamp and stamp.holds():
        sys.stdout.write(stamp.message)
        stamp.refresh(path)
        return 0
    with _without_collections():
        return _run(argv, path)


@contextmanager
def _without_collections() -> Iterator[None]:
    """Spare a run that builds much, drops little and ends soon the search for garbage: a tenth."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # and the interpreter the last one, when it exits
        gc.enable()


def _root(start: str) -> str:
    """Do as `configuration.find_root` does, without importing anything."""
    folder = start
    while not os.path.isfile(os.path.join(folder, "pyproject.toml")):  # noqa: PTH113, PTH118
        folder, below = os.path.dirname(folder), folder  # noqa: PTH120
        if folder == below:
            return start
    return folder


def _run(argv: Sequence[str], stamp: str) -> int:
    if not argv:
        return _generate(stamp)  # typer would cost as much as a spec of some hundred events

    from pathlib import Path
    from typing import Annotated, Literal

    import typer

    from .command_line import call

    def generate(
        specs: Annotated[
            list[Path] | None,
            typer.Argument(
                metavar="[SPEC]...",
                help="Spec files and folders; without any, those that the project configures.",
            ),
        ] = None,
        out: Annotated[
            Path | None, typer.Option(metavar="DIR", help="Where generated packages go.")
        ] = None,
        services: Annotated[
            Path | None, typer.Option(metavar="DIR", help="Where stubs are created.")
        ] = None,
        client_out: Annotated[
            Path | None, typer.Option(metavar="DIR", help="Where client packages go.")
        ] = None,
        is_check: Annotated[
            bool, typer.Option("--check", help="Write nothing; status 1 if a file is out of date.")
        ] = False,
        stubs: Annotated[
            list[str] | None,
            typer.Option(metavar="NAME", help="Make the stub of a handler again; repeatable."),
        ] = None,
        style: Annotated[
            Literal["text", "json", "github"],
            typer.Option("--format", help="How the result is told."),
        ] = "text",
    ) -> int:
        """Turn specs into typed packages, and create stubs for what is new."""
        return _generate(
            stamp,
            specs or (),
            out=out,
            services=services,
            client_out=client_out,
            is_check=is_check,
            stubs=stubs or (),
            style=style,
        )

    return call(generate, argv, "generate")


def _generate(
    stamp: str,
    specs: "Sequence[Path]" = (),
    *,
    out: "Path | None" = None,
    services: "Path | None" = None,
    client_out: "Path | None" = None,
    is_check: bool = False,
    stubs: Sequence[str] = (),
    style: "Format" = "text",
) -> int:
    from pathlib import Path

    from ..generation import generate
    from ..problems import SpecError, report

    here = Path.cwd()
    try:
        with _progress() as progress:
            result = generate(
                Path(_root(str(here))),
                [here / spec for spec in specs] or None,
                out=here / out if out else None,
                services=here / services if services else None,
                client_out=here / client_out if client_out else None,
                check=is_check,
                stubs=stubs,
                progress=progress,
            )
    except SpecError as error:
        report(error.problems, style)
        return 2
    sys.stdout.write(_shown(result, style))
    if result.findings and style != "json":
        report(result.findings, style)
    if not is_check and not stubs:
        _leave_stamp(result, style, stamp)
    return 1 if result.findings else 0


def _shown(report: "Report", style: "Format", *, again: bool = False) -> str:
    """Return what goes to stdout; `again`: what the next run says if it has nothing to do."""
    done = (
        ("wrote", () if again else report.written),
        ("created", () if again else report.created),
        ("removed", () if again else report.removed),
    )
    if style == "json":
        import json
        from dataclasses import asdict

        document = {
            "services": report.services,
            "files": report.files,
            "written": done[0][1],
            "created": done[1][1],
            "removed": done[2][1],
            "notes": [asdict(note) for note in report.notes],
            "problems": [asdict(problem) for problem in report.findings],
        }
        return json.dumps(document, indent=2) + "\n"
    if style == "github":
        return "".join(f"::notice file={note.path}::{note.message}\n" for note in report.notes)
    lines = []
    for word, paths in done:
        lines += [f"{word:<8} {path}" for path in paths[:MOST_LINES]]
        if len(paths) > MOST_LINES:
            lines.append(f"{word:<8} {len(paths) - MOST_LINES} more")
    for note in report.notes:
        # What is missing in a file is said of it, the rest about it.
        if note.kind == "grown":
            lines.append(f"to do    {note.path} {note.message}; paste:")
        else:
            label = "to do" if note.kind == "deleted" else note.kind
            lines.append(f"{label:<8} {note.path}: {note.message}")
        lines += [f"         | {line}".rstrip() for line in note.paste.splitlines()]
    services = ", ".join(report.services)
    tasks = sum(note.kind in {"grown", "deleted"} for note in report.notes)
    counts = {
        "to look at": len(report.findings),
        "written": len(done[0][1]),
        "created": len(done[1][1]),
        "removed": len(done[2][1]),
    }
    state = [f"{count} {word}" for word, count in counts.items() if count] or ["up to date"]
    if tasks:
        state.append(f"{tasks} to do")
    summary = ", ".join([f"{services}: {report.files} generated files", *state])
    return "\n".join([*lines, f"{summary}\n"])


def _leave_stamp(report: "Report", style: "Format", path: str) -> None:
    """Let the next run with the same command line know that there is nothing to do."""
    reads = report.read
    stamp = Stamp.take(
        inputs=map(str, reads.inputs),
        absent=map(str, reads.absent),
        folders=map(str, reads.folders),
        outputs=map(str, reads.outputs),
        message=_shown(report, style, again=True),
        started=reads.started,
    )
    if stamp:
        stamp.save(path)


@contextmanager
def _progress() -> Iterator["Progress"]:
    """Tell of the stages of a long run: a bar on a terminal, plain lines elsewhere, on stderr."""
    if not sys.stderr.isatty():
        yield _tell
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=len(_STAGES))

        def advance(stage: str, count: int) -> None:
            bar.update(task, description=f"{stage} {count}", completed=_STAGES.index(stage))

        yield advance


_STAGES = ("reading", "typing", "rendering", "formatting", "writing")


def _tell(stage: str, count: int) -> None:
    if count >= LONG_RUN:
        sys.stderr.write(f"{stage} {count}\n")
