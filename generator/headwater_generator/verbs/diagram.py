"""`headwater diagram [SPEC...]`: workflows, streams and subscriptions as a picture.

Exit status: 0 done · 2 something is wrong with the specs, or with the call.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "draw workflows, streams and subscriptions, as Mermaid or SVG"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import sys
    from pathlib import Path
    from typing import Annotated, Literal

    import typer

    from ..check import load_specs
    from ..configuration import find_root, load_configuration
    from ..outputs.diagram import diagram as drawn
    from ..problems import SpecError, report
    from .command_line import call

    def diagram(
        specs: Annotated[
            list[Path] | None,
            typer.Argument(
                metavar="SPEC",
                help="Spec files and folders; without any, those that the project configures.",
            ),
        ] = None,
        form: Annotated[
            Literal["mermaid", "svg"],
            typer.Option(
                "--format",
                help="Mermaid is text that GitHub and many editors draw; svg needs the extra "
                "`diagram`.",
            ),
        ] = "mermaid",
        out: Annotated[
            Path | None, typer.Option(help="The file to write; without, standard output.")
        ] = None,
    ) -> int:
        """Draw services: commands, workflows with their events, streams, and who reads them.

        Several services are drawn into one picture.
        """
        root = find_root(Path.cwd())
        try:
            text = drawn(load_specs(specs or load_configuration(root).spec_paths(), root))
        except SpecError as error:
            report(error.problems)
            return 2
        if form == "svg":
            try:
                import mermaidx
            except ModuleNotFoundError:
                sys.stderr.write(
                    "headwater diagram --format svg needs 'mermaidx', which is not installed here: "
                    'pip install "headwater[diagram]"\n'
                )
                return 2
            text = mermaidx.render(text).svg()
        if out is None:
            sys.stdout.write(text)
            return 0
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            sys.stderr.write(f"headwater diagram: cannot write {out}: {error.strerror}\n")
            return 2
        return 0

    return call(diagram, argv, "diagram")
