"""`headwater explain [CODE | EVENT]`: say more about an error code, or the versions of an event.

Exit status: 0 done · 2 there is no such code, event or version, or a spec is wrong.
"""

from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "say more about an error code, or what leads from one version of an event to another"

WIDTH = 88  # columns of an explanation


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import json
    import re
    import sys
    from dataclasses import asdict
    from pathlib import Path
    from textwrap import fill, indent
    from typing import Annotated, Literal

    import typer

    from ..codes import CODES
    from ..names import nearest
    from ..problems import Code, SpecError, printable, report
    from .command_line import call

    def explain(
        what: Annotated[
            str | None,
            typer.Argument(
                metavar="CODE|EVENT",
                help="Such as HW101, UserAdded, UserAdded@1 (to its head) or UserAdded@3..1; "
                "without, all codes.",
            ),
        ] = None,
        style: Annotated[
            Literal["text", "json"], typer.Option("--format", help="How it is told.")
        ] = "text",
    ) -> int:
        """Say more about an error code, or what leads from one version of an event to another.

        Of an event: what each op does to a sample of it, whether old events and new ones come back
        as they were, what is lost, who reads it and what is generated for it.
        """
        if what is None:
            if style == "json":
                sys.stdout.write(as_json([*CODES.values()]))
                return 0
            for known in CODES.values():
                sys.stdout.write(f"{known.id}  {known.title}\n")
            return 0
        if re.fullmatch(r"\s*[Hh][Ww][0-9]\w*\s*", what):
            return code_of(what.strip().upper(), style)
        return event_of(what.strip(), style)

    def code_of(name: str, style: str) -> int:
        found = CODES.get(name)
        if found is None:
            better = nearest(name, CODES)
            hint = f'did you mean "{better}"?' if better else "`headwater explain` lists them all"
            sys.stderr.write(f'there is no code "{printable(name)}": {hint}\n')
            return 2
        sys.stdout.write(as_json([found]) if style == "json" else as_text(found))
        return 0

    def event_of(name: str, style: Literal["text", "json"]) -> int:
        from .. import explanation
        from ..configuration import find_root

        try:
            found = explanation.explain(find_root(Path.cwd()), name)
        except SpecError as error:
            report(error.problems, style)
            return 2
        told = explanation.as_json if style == "json" else explanation.as_text
        sys.stdout.write(told(found))
        return 0

    def as_text(code: Code) -> str:
        parts = [f"{code.id}: {code.title}", fill(code.explanation, WIDTH)]
        for label, example in (("Wrong:", code.wrong), ("Right:", code.right)):
            parts.append(f"{label}\n\n{indent(example or '(nothing)', '    ').rstrip()}")
        return "\n\n".join(parts) + "\n"

    def as_json(codes: list[Code]) -> str:
        return json.dumps({"codes": [asdict(one) for one in codes]}, indent=2) + "\n"

    return call(explain, argv, "explain")
