"""`headwater init NAME`: a project of the user's own, ready for `make generate check test run`.

While Headwater is on no package index, the first call of make has to say where it comes from: the
line that init ends with names the checkout, wheel or URL that is running.

Exit status: 0 created · 2 the name is not one, or the folder is in use; then nothing was written.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["SUMMARY", "run"]

SUMMARY = "start a project of your own: spec, configuration, Makefile, a first test"

# Template → where its text goes.
FILES = {
    "README.md.j2": "README.md",
    "pyproject.toml.j2": "pyproject.toml",
    "Makefile.j2": "Makefile",
    "gitignore.j2": ".gitignore",
    "spec.yaml.j2": "contracts/{package}.yaml",
    "package.py.j2": "{package}/__init__.py",
    "test_tasks.py.j2": "tests/test_tasks.py",
}

# Import names that the project itself needs for something else.
TAKEN = frozenset({"contracts", "headwater", "headwater_generator", "mypy", "pytest", "tests"})

TARGETS = "generate check test run"


class RefusedError(Exception):
    """The project cannot be created; the message says why."""


def run(argv: Sequence[str]) -> int:
    """Run the verb with its arguments and return the exit status."""
    import sys
    from typing import Annotated

    import typer

    from .command_line import call

    def init(
        name: Annotated[
            str,
            typer.Argument(
                metavar="NAME", help="The service's name, such as order-service; also the folder's."
            ),
        ],
    ) -> int:
        """Start a project of your own in a new folder NAME."""
        try:
            written = create(name, Path.cwd())
        except RefusedError as error:
            sys.stderr.write(f"headwater init: {error}\n")
            return 2
        lines = [*(f"{name}/{path}" for path in written), "", f"Next: cd {name} && {_make()}"]
        sys.stdout.write("\n".join(lines) + "\n")
        return 0

    return call(init, argv, "init")


def create(name: str, parent: Path) -> list[str]:
    """Create the project in `parent` and return its files, relative to its folder.

    Raises:
        RefusedError: The name is not one, or the folder is in use. Nothing was written.
    """
    files = _render(name, _package(name))
    folder = parent / name
    try:
        if folder.is_dir() and not any(folder.iterdir()):
            pass
        elif folder.exists() or folder.is_symlink():
            raise RefusedError(f"{folder} exists and is not an empty folder; nothing was written")
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise RefusedError(f"{error.filename} cannot be written: {error.strerror}") from error
    return sorted(files)


def _make() -> str:
    """The call of make that works from here, to be pasted into a shell."""
    import shlex

    source = _source()
    if source is None:
        return f"make {TARGETS}"
    value = source.replace("$", "$$")  # make reads it first
    return f"make HEADWATER={shlex.quote(value)} {TARGETS}"


def _source() -> str | None:
    """Where the running Headwater is installed from; `None`: from a package index, or it is gone.

    A checkout's folder, a wheel's path, or what pip takes after `headwater @`.
    """
    import json
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import unquote, urlsplit

    checkout = Path(__file__).resolve().parents[3]
    if all((checkout / part).exists() for part in ("pyproject.toml", "runtime", "templates")):
        return str(checkout)
    try:
        record = distribution("headwater").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    if record is None:
        return None
    origin = json.loads(record)
    url = str(origin["url"])
    if url.startswith("file:"):
        path = unquote(urlsplit(url).path)
        return path if Path(path).exists() else None
    if version_control := origin.get("vcs_info"):
        return f"{version_control['vcs']}+{url}@{version_control['commit_id']}"
    return url


def _package(name: str) -> str:
    """The project's import name."""
    import sys

    from ..names import MAX_NAME_LENGTH, RESERVED_OBJECT_NAMES, is_kebab, kebab, snake

    if not is_kebab(name):
        better = kebab(name)
        hint = f"; {better!r} would be" if is_kebab(better) and len(better) > 1 else ""
        raise RefusedError(
            f"{name!r} is not a name for a service: small letters, digits and single hyphens, "
            f"a letter first, such as order-service{hint}"
        )
    if len(name) > MAX_NAME_LENGTH:
        raise RefusedError(f"{name!r} is longer than {MAX_NAME_LENGTH} characters")
    package = snake(name)
    if package in TAKEN | RESERVED_OBJECT_NAMES | sys.stdlib_module_names:
        raise RefusedError(
            f"{name!r} would make the Python package {package!r}, which is taken; "
            f"{name}-service would be free"
        )
    return package


def _render(service: str, package: str) -> Mapping[str, str]:
    from ..outputs.templates import Templates

    templates = Templates(line_length=100)
    return {
        path.format(package=package): templates.render(
            f"init/{template}", service=service, package=package
        )
        for template, path in FILES.items()
    }
