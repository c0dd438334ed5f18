"""`headwater explain [CODE]`: say more about an error code, or list them all.

Exit status: 0 done · 2 there is no such code.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "say more about an error code, with a wrong and a right example"

WIDTH = 88  # columns of an explanation


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import sys
    from textwrap import fill, indent
    from typing import Annotated

    import typer

    from ..codes import CODES
    from ..names import nearest
    from ..problems import Code, printable
    from .command_line import call

    def explain(
        code: Annotated[
            str | None, typer.Argument(metavar="CODE", help="Such as HW101; without, all.")
        ] = None,
    ) -> int:
        """Say more about an error code, with a wrong and a right example."""
        if code is None:
            for known in CODES.values():
                print(f"{known.id}  {known.title}")  # noqa: T201 - the result
            return 0
        found = CODES.get(code.strip().upper())
        if found is None:
            better = nearest(code.strip().upper(), CODES)
            hint = f'did you mean "{better}"?' if better else "`headwater explain` lists them all"
            sys.stderr.write(f'there is no code "{printable(code)}": {hint}\n')
            return 2
        print(text(found), end="")  # noqa: T201 - the result
        return 0

    def text(code: Code) -> str:
        parts = [f"{code.id}: {code.title}", fill(code.explanation, WIDTH)]
        for label, example in (("Wrong:", code.wrong), ("Right:", code.right)):
            parts.append(f"{label}\n\n{indent(example or '(nothing)', '    ').rstrip()}")
        return "\n\n".join(parts) + "\n"

    return call(explain, argv, "explain")
