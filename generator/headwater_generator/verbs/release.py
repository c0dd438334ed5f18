"""`headwater release [NAME...]`: freeze the drafts of events and commands.

Exit status: 0 done · 2 a spec, its lock or the call is wrong.
"""

import sys
from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "freeze drafts: from then on their schemas and numbers can't change"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    from typing import Annotated

    import typer

    from .command_line import call

    def release(
        names: Annotated[
            list[str] | None,
            typer.Argument(metavar="[NAME]...", help="Events and commands; all without any."),
        ] = None,
        reason: Annotated[
            str,
            typer.Option(
                metavar="TEXT", help="Replace ops of released versions, and keep this reason."
            ),
        ] = "",
    ) -> int:
        """Freeze drafts: from then on their schemas and numbers can't change.

        So is the revision that brings them to a database; the package is generated with it.
        """
        from pathlib import Path

        from ..configuration import find_root
        from ..generation import generate
        from ..problems import SpecError, report
        from ..versioning import release_drafts

        root = find_root(Path.cwd())
        try:
            released = release_drafts(root, names or (), reason=reason)
            for name in released:
                sys.stdout.write(f"released {name}\n")
            # What a database goes through has its final name now.
            written = generate(root).written if released else ()
        except SpecError as error:
            report(error.problems)
            return 2
        for path in written:
            sys.stdout.write(f"wrote    {path}\n")
        if not released:
            sys.stdout.write("nothing to release: there are no drafts\n")
        return 0

    return call(release, argv, "release")
