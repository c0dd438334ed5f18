"""`headwater breaking`: tell what a change breaks for those who read events and send commands.

Exit status: 0 nothing, or nothing that was not accepted · 1 something · 2 a spec, its lock, git or
the call is wrong.
"""

import sys
from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "tell what a change breaks: BACKWARD, FORWARD and FULL of each event, and commands"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    from typing import Annotated, Literal

    import typer

    from .command_line import call

    def breaking(
        against: Annotated[
            str | None,
            typer.Option(
                metavar="REF",
                help="Compare with the specs where HEAD and this branch, tag or commit parted; "
                "without, with what was released.",
            ),
        ] = None,
        reason: Annotated[
            str | None,
            typer.Option(
                "--accept", metavar="TEXT", help="Keep the breaks in the lock as accepted."
            ),
        ] = None,
        style: Annotated[
            Literal["text", "json", "github"],
            typer.Option("--format", help="How it is told; json and github go to stdout."),
        ] = "text",
        every: Annotated[bool, typer.Option("--all", help="Show unchanged events, too.")] = False,
    ) -> int:
        """Tell what a change breaks for those who read events and send commands."""
        from pathlib import Path

        from ..compatibility import accept, compare
        from ..compatibility.telling import as_json, as_text
        from ..configuration import find_root
        from ..problems import Problem, SpecError, report

        root = find_root(Path.cwd())
        try:
            if reason is not None:
                if not reason.strip() or not reason.isprintable():
                    message = "a break is accepted for a reason, in one line"
                    hint = 'say it: --accept "nobody reads these any more"'
                    problem = Problem(code="HW910", message=message, file="headwater", hint=hint)
                    raise SpecError([problem])
                for one in accept(root, reason.strip(), against):
                    sys.stderr.write(f"accepted: {one.subject}: {one.change}\n")
            compared = compare(root, against)
        except SpecError as error:
            report(error.problems, style)
            return 2
        problems = sorted(
            (problem for one in compared for problem in one.problems),
            key=lambda one: (one.file, one.line, one.column),
        )
        if style == "text":
            sys.stdout.write(as_text(compared, every=every))
            sys.stdout.flush()
            report(problems)
        elif style == "json":
            sys.stdout.write(as_json(compared))
        else:
            report(problems, style)
        return 1 if problems else 0

    return call(breaking, argv, "breaking")
