"""`headwater version NAME`: move an event's head, or a type, into its history.

Exit status: 0 done · 2 a spec, its lock or the call is wrong.
"""

import sys
from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "begin the next version of an event or type, in the text of its spec"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    from typing import Annotated

    import typer

    from .command_line import call

    def version(
        name: Annotated[str, typer.Argument(metavar="NAME", help="An event or a type.")],
    ) -> int:
        """Begin the next version of an event or type, in the text of its spec."""
        from pathlib import Path

        from ..configuration import find_root
        from ..problems import SpecError, report
        from ..versioning import begin_version

        try:
            files, versions = begin_version(find_root(Path.cwd()), name)
        except SpecError as error:
            report(error.problems)
            return 2
        for path in files:
            sys.stdout.write(f"wrote    {path}\n")
        sys.stdout.write(
            f"begun: {', '.join(versions)}. Change what differs, then run `headwater generate`: it "
            "says which ops are missing.\n"
        )
        return 0

    return call(version, argv, "version")
