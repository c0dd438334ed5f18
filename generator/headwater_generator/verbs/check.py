"""`headwater check [SPEC...]`: tell whether specs are right, and write nothing.

Exit status: 0 they are · 2 something is wrong with them, or with the call.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "tell whether specs are right, and what is wrong with them"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    from pathlib import Path
    from typing import Annotated, Literal

    import typer

    from ..check import load_specs
    from ..configuration import find_root, load_configuration
    from ..grammar import Spec
    from ..problems import SpecError, report
    from .command_line import call

    def check(
        specs: Annotated[
            list[Path] | None,
            typer.Argument(
                metavar="SPEC",
                help="Spec files and folders; without any, those that the project configures.",
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
        if style == "text":
            for spec in checked:
                print(f"{spec.path}: {summary(spec)}")  # noqa: T201 - the result
        else:
            report([], style)
        return 0

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
