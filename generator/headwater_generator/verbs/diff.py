"""`headwater diff`: show what has changed, since the release or since a branch began.

Exit status: 0 done, whether something has changed or not · 2 a spec, its lock, git or the call is
wrong.
"""

import sys
from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "show what has changed since the release, or since a branch began"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    from typing import Annotated, Literal

    import typer

    from .command_line import call

    def diff(
        against: Annotated[
            str | None,
            typer.Option(
                metavar="REF",
                help="Compare with the specs where HEAD and this branch, tag or commit parted; "
                "without, with what was released.",
            ),
        ] = None,
        style: Annotated[
            Literal["text", "json"], typer.Option("--format", help="How it is told.")
        ] = "text",
    ) -> int:
        """Show what has changed: types, events with their ops, commands, and who listens."""
        from pathlib import Path

        from ..compatibility import compare
        from ..compatibility.telling import changes_as_json, changes_as_text
        from ..configuration import find_root
        from ..problems import SpecError, report

        try:
            compared = compare(find_root(Path.cwd()), against)
        except SpecError as error:
            report(error.problems, style)
            return 2
        show = changes_as_text if style == "text" else changes_as_json
        sys.stdout.write(show(compared))
        return 0

    return call(diff, argv, "diff")
