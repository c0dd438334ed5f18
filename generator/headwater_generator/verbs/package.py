"""`headwater package [SERVICE|SPEC...]`: wheel and sdist of the client packages.

Exit status: 0 built · 2 there is nothing to build, it may not or can't be built, or the call is
wrong.
"""

import sys
from collections.abc import Sequence

__all__ = ["SUMMARY", "run"]

SUMMARY = "build what others install to read your events: wheel and sdist of client packages"


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import json
    from dataclasses import asdict
    from pathlib import Path
    from typing import Annotated

    import typer

    from .command_line import call

    def package(
        which: Annotated[
            list[str] | None,
            typer.Argument(
                metavar="[SERVICE|SPEC]...",
                help="Names of services such as user-service, or their spec files or folders; "
                "without any, every service that publishes.",
            ),
        ] = None,
        out: Annotated[
            Path | None,
            typer.Option(
                metavar="DIR",
                help="Where the files go; dist in the project's folder by default.",
                show_default=False,
            ),
        ] = None,
        client_out: Annotated[
            Path | None,
            typer.Option(
                metavar="DIR",
                help="Where the client packages are, if `generate` was told with --client-out.",
                show_default=False,
            ),
        ] = None,
        drafts: Annotated[
            bool,
            typer.Option(
                "--drafts",
                help="Also build what is not released, with a version such as 1.1.0.dev0.",
            ),
        ] = False,
        as_json: Annotated[
            bool, typer.Option("--json", help="Tell programs what was built, or what is wrong.")
        ] = False,
    ) -> int:
        """Build what others install to read your events: wheel and sdist of client packages.

        A service with `publish:` on a stream has a client package, which `headwater generate`
        writes. Its version follows from what `headwater release` froze: a break makes a new major
        version, a new event or version a minor one.

        It is built by the backend that its pyproject.toml names, without network, and equal input
        makes equal bytes. Names, authors and license in that pyproject.toml are yours.

        Example: headwater release && headwater package user-service --out dist
        """
        from ..configuration import find_root
        from ..packaging import package as build
        from ..problems import SpecError, report

        here = Path.cwd()
        names = [one for one in which or () if not is_path(one)]
        specs = [here / one for one in which or () if is_path(one)]
        try:
            built = build(
                find_root(here),
                names,
                specs,
                out=here / out if out else None,
                client_out=here / client_out if client_out else None,
                drafts=drafts,
                progress=tell,
            )
        except SpecError as error:
            report(error.problems, "json" if as_json else "text")
            return 2
        if as_json:
            document = {"packages": [asdict(one) for one in built]}
            sys.stdout.write(f"{json.dumps(document, indent=2)}\n")
            return 0
        for one in built:
            for path in (one.wheel, one.sdist):
                word = "wrote" if path in one.written else "same"
                sys.stdout.write(f"{word:<8} {path}\n")
        return 0

    def is_path(text: str) -> bool:
        return Path(text).suffix != "" or "/" in text or Path(text).exists()

    def tell(name: str, version: str) -> None:
        sys.stderr.write(f"building {name} {version}\n")

    return call(package, argv, "package")
