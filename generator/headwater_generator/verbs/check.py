"""`headwater check [SPEC...]`: tell whether specs are right, and write nothing.

With `--store URL`, also whether a release of the spec could read every event of a database.

Exit status: 0 they are, and it could · 1 it could not · 2 something is wrong with them, with the
call, or with the database.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "tell whether specs are right, and what is wrong with them"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import json
    import sys
    from dataclasses import asdict
    from pathlib import Path
    from typing import Annotated, Literal

    import typer

    from ..check import load_specs
    from ..configuration import find_root, load_configuration
    from ..grammar import Spec
    from ..problems import SpecError, report
    from .census import census, unread
    from .command_line import call

    def check(
        specs: Annotated[
            list[Path] | None,
            typer.Argument(
                metavar="SPEC",
                help="Spec files and folders; without any, those that the project configures.",
            ),
        ] = None,
        store: Annotated[
            str | None,
            typer.Option(
                "--store",
                metavar="URL",
                help="A database that the service has used, such as sqlite:///users.db: refuse a "
                "spec that could not read all its events. The service may run meanwhile.",
                show_default=False,
            ),
        ] = None,
        style: Annotated[
            Literal["text", "json", "github"],
            typer.Option("--format", help="How problems are told; json and github go to stdout."),
        ] = "text",
    ) -> int:
        """Tell whether specs are right, and what is wrong with them. Nothing is written."""
        root = find_root(Path.cwd())
        try:
            paths = specs or load_configuration(root).spec_paths()
            checked = load_specs(paths, root)
        except SpecError as error:
            report(error.problems, style)
            return 2
        if store is not None:
            return check_store(store, checked, style)
        if style == "text":
            for spec in checked:
                print(f"{spec.path}: {summary(spec)}")  # noqa: T201 - the result
        else:
            report([], style)
        return 0

    def check_store(store: str, specs: Sequence[Spec], style: str) -> int:
        if len(specs) != 1:
            sys.stderr.write("headwater check: name the one spec whose database it is\n")
            return 2
        [spec] = specs
        try:
            counts = census(store)
        except ValueError as error:
            sys.stderr.write(f"headwater check: {error}\n")
            return 2
        found = list(unread(spec, counts))
        for one in found:
            if style == "json":
                print(json.dumps(asdict(one)))  # noqa: T201 - the result
            elif style == "github":
                print(f"::error file={spec.path}::{one}")  # noqa: T201 - the result
            else:
                sys.stderr.write(f"{spec.path}: {one}\n")
        total = sum(one.count for one in counts)
        if style == "text" and not found:
            print(f"{spec.path}: can read all {total} events of {spec.service}")  # noqa: T201
        return 1 if found else 0

    def summary(spec: Spec) -> str:
        counts = {
            "workflow": len(spec.workflows),
            "event": sum(len(workflow.events) for workflow in spec.workflows.values()),
            "command": len(spec.commands),
            "subscription": len(spec.subscriptions),
        }
        told = ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for noun, n in counts.items())
        return f"{spec.service} is right ({told})"

    return call(check, argv, "check")
