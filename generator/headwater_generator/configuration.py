"""Where a team's specs are and where the output goes: `[tool.headwater]` of its pyproject.toml.

Reads with the standard library alone, so that a run with nothing to do stays fast.
"""

from __future__ import annotations

import keyword
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .names import RESERVED_MODULE_NAMES, nearest, snake
from .problems import Problem, SpecError, printable

__all__ = ["HIDES_HINT", "TAKEN", "Configuration", "find_root", "hides", "load_configuration"]

SPEC_FOLDER = "spec"
OUT = "generated"
SUFFIXES = (".yaml", ".yml")  # of specs, and what is refused lest it be passed over
NOT_SPECS = frozenset({"lock", "upcasts"})  # folders beside the specs that hold none
KEYS = ("spec", "out", "package", "handlers", "client_out")
TAKEN = sys.stdlib_module_names | {"headwater", "headwater_generator", "pydantic"}
"""What generated code imports, or what that imports: a package of this name would hide it."""
MAX_SHOWN = 60  # characters of a wrong value

_KEY = re.compile(rb"""(["']?)([A-Za-z][\w-]*)\1[ \t]*:(?:\s|$)""")
_DOTTED = re.compile(
    r"(?:[A-Za-z_][A-Za-z0-9_]*|\{service\})(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|\{service\}))*"
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """A project's settings. Paths are relative to the root, with `/`."""

    root: Path
    spec: tuple[str, ...] | None = None
    """Files and folders; `None`: whatever lies in `spec/`."""
    out: str = OUT
    package: str = "generated.{service}"
    """Import name of a generated package; `{service}` is the service in snake_case."""
    handlers: str = "services.{service}.handlers"
    """Import name of the handlers' package."""
    client_out: str = OUT
    """Where client packages go, each in a folder of its own."""

    def spec_paths(self) -> tuple[Path, ...]:
        """Return the specs to read: those configured, else those found in `spec/`, by name.

        Found are files with `service:` or `headwater:` and folders with one such file, but for
        files that have nothing but types: they are there to be imported. What is nearly a spec is
        found too, so that reading it says what is wrong.

        Raises:
            SpecError: None is configured, and none is there (HW017), or one ends in .yml (HW015).
        """
        if self.spec is not None:
            return tuple(self.root / path for path in self.spec)
        found = tuple(self._found())
        if not found:
            problem = Problem(
                code="HW017",
                message="there is no spec",
                file=f"{SPEC_FOLDER}/",
                hint="name one, put one there, or set spec under [tool.headwater]; "
                "`headwater init NAME` starts a project that has one",
            )
            raise SpecError([problem])
        return found

    def problem(self, message: str, hint: str = "") -> Problem:
        """Return a problem with where things go, at the key of pyproject.toml that says so."""
        try:
            text = (self.root / "pyproject.toml").read_text(encoding="utf-8")
        except OSError:
            text = ""
        places = {key: _find(text, key) for key in KEYS[1:]}
        key = next((key for key, (line, _) in places.items() if line), "out")
        return _problem(text, places[key][0], message, places[key][1], len(key), hint)

    def package_for(self, service: str) -> str:
        """Return the import name of a service's generated package."""
        return self.package.replace("{service}", snake(service))

    def handlers_for(self, service: str) -> str:
        """Return the import name of a service's handlers."""
        return self.handlers.replace("{service}", snake(service))

    def _found(self) -> Iterator[Path]:
        folder = self.root / SPEC_FOLDER
        if not folder.is_dir():
            return
        for path in sorted(folder.iterdir(), key=lambda path: path.name):
            if path.is_dir():
                if path.name not in NOT_SPECS and any(
                    member.suffix in SUFFIXES and _is_spec(member) for member in path.iterdir()
                ):
                    yield path
            elif path.suffix in SUFFIXES and _is_spec(path):
                if path.suffix != SUFFIXES[0]:
                    raise SpecError([_misnamed(path)])
                yield path


HIDES_HINT = "begin with a name of your own"


def hides(top: str) -> str:
    """Return what is wrong with packages below this name of `TAKEN`."""
    return f'a package "{top}" of yours would hide the one that everything else imports'


def find_root(start: Path) -> Path:
    """Return the project's folder: the nearest upwards with a pyproject.toml, else the start."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    return start


def load_configuration(root: Path) -> Configuration:
    """Return the settings of the project in this folder; the defaults where it has none.

    Raises:
        SpecError: pyproject.toml is not TOML, or `[tool.headwater]` is wrong.
    """
    path = root / "pyproject.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Configuration(root)
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([_problem("", 0, f"this file cannot be read: {error}")]) from None
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(place[1]) if place else 0
        column = int(place[2]) if place else 1
        reason = re.sub(r" \(at .*\)$", "", str(error))
        raise SpecError([_problem(text, line, f"this is not TOML: {reason}", column)]) from None
    tool = document.get("tool", {})
    table = tool.get("headwater", {}) if isinstance(tool, Mapping) else {}
    problems = list(_problems(text, table, root))
    if problems:
        raise SpecError(problems)
    spec = table.get("spec")
    paths = None if spec is None else (spec,) if isinstance(spec, str) else tuple(spec)
    given = {key: table[key] for key in KEYS[1:] if key in table}
    out = given.get("out", OUT)
    if "package" not in given:
        # The folder is the package's parent, wherever the team put it.
        given["package"] = ".".join([*Path(out).parts, "{service}"])
    configuration = Configuration(root, spec=paths, **given)
    if problems := list(_misfits(configuration, text, "out" in given and "package" not in table)):
        raise SpecError(problems)
    return configuration


def _misfits(configuration: Configuration, text: str, is_named_by_out: bool) -> Iterator[Problem]:
    """Yield what each key may say by itself, and what does not work together."""
    package, handlers = configuration.package, configuration.handlers
    if is_named_by_out and not _is_dotted(package):
        line, column = _find(text, "out")
        message = f'"out" names the package too, and {_shown(package)} cannot be imported'
        yield _problem(
            text, line, message, column, len("out"), 'set "package", or rename the folder'
        )
    for key, name in (("package", package), ("handlers", handlers)):
        top = name.partition(".")[0]
        if top in TAKEN:
            said = "out" if key == "package" and is_named_by_out else key
            line, column = _find(text, said)
            yield _problem(text, line, hides(top), column, len(said), HIDES_HINT)
    line, column = _find(text, "handlers")
    if "." not in handlers:
        message = f'"handlers" must be a package inside another one, not {_shown(handlers)}'
        hint = f"such as tasks.{handlers}: what `headwater run` takes goes beside it"
        yield _problem(text, line, message, column, len("handlers"), hint)
    elif handlers == package:
        message = '"handlers" must be another package than the generated one'
        yield _problem(text, line, message, column, len("handlers"))
    elif handlers in {f"{package}.{module}" for module in RESERVED_MODULE_NAMES}:
        message = f'"handlers" must not be {_shown(handlers)}: that is a generated module'
        hint = "put them beside the generated package, not inside"
        yield _problem(text, line, message, column, len("handlers"), hint)


def _problems(text: str, table: object, root: Path) -> Iterator[Problem]:
    if not isinstance(table, Mapping):
        message = f"[tool.headwater] must be a table of keys, not {_shown(table)}"
        yield _problem(text, 0, message)
        return
    for key, value in table.items():
        line, column = _find(text, key)
        if key not in KEYS:
            better = nearest(key, KEYS)
            hint = f'did you mean "{better}"?' if better else f"known are {', '.join(KEYS)}"
            message = f'unknown key "{key}" in [tool.headwater]'
            yield _problem(text, line, message, column, len(key), hint)
        elif key == "spec":
            paths = [value] if isinstance(value, str) else value
            if not isinstance(paths, list) or not paths or not all(map(_is_inside, paths)):
                wrong = value
                if isinstance(paths, list) and paths:
                    wrong = next(path for path in paths if not _is_inside(path))
                message = (
                    '"spec" must be a path inside the project, or a list of such paths, '
                    f"not {_shown(wrong)}"
                )
                yield _problem(text, line, message, column, len(key))
            elif len(set(paths)) < len(paths):
                yield _problem(text, line, '"spec" names a path twice', column, len(key))
        elif key in {"out", "client_out"}:
            if not _is_inside(value) or not (root / value).resolve().is_relative_to(root.resolve()):
                message = f'"{key}" must be a folder inside the project, not {_shown(value)}'
                yield _problem(text, line, message, column, len(key))
        elif not _is_dotted(value):
            message = (
                f'"{key}" must be an import name such as acme.users.contract, not {_shown(value)}'
            )
            hint = "{service} in it stands for the service"
            yield _problem(text, line, message, column, len(key), hint)


def _shown(value: object) -> str:
    """Return a value as TOML writes it, and not too long."""
    if isinstance(value, str):
        return f'"{value if len(value) <= MAX_SHOWN else f"{value[: MAX_SHOWN - 1]}…"}"'
    if isinstance(value, Mapping):
        return "a table"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def _is_inside(path: object) -> bool:
    return (
        isinstance(path, str)
        and bool(path)
        and path.isprintable()
        and not path.startswith(("/", "~"))
        and re.search(r'["\'`\\{}:]', path) is None
        and ".." not in path.split("/")
    )


def _is_dotted(name: object) -> bool:
    return (
        isinstance(name, str)
        and _DOTTED.fullmatch(name) is not None
        and not any(keyword.iskeyword(part) for part in name.split("."))
    )


def _is_spec(path: Path) -> bool:
    try:
        content = path.read_bytes()
    except OSError:
        return True  # reading it as a spec says what is wrong
    keys = _top_keys(content)
    is_shared = b"types" in keys and all(
        key in {b"headwater", b"types"} or key.startswith(b"x-") for key in keys
    )
    return not is_shared and (not keys or b"service" in keys or b"headwater" in keys)


def _misnamed(path: Path) -> Problem:
    return Problem(
        code="HW015",
        message="this spec would not be read",
        file=printable(f"{SPEC_FOLDER}/{path.name}"),
        hint=f"name it {printable(path.stem)}.yaml",
    )


def _top_keys(content: bytes) -> frozenset[bytes]:
    """Return the keys of a file's mapping as far as they can be told without reading YAML."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    if content.lstrip().startswith(b"{"):
        import json  # not needed by a run with nothing to do

        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            return frozenset(match[2] for match in _KEY.finditer(content))
        return frozenset(key.encode("utf-8", "replace") for key in document)
    keys: set[bytes] = set()
    margin: int | None = None
    for line in content.splitlines():
        text = line.lstrip(b" ")
        if not text.strip() or text.startswith((b"#", b"---", b"%")):
            continue
        margin = len(line) - len(text) if margin is None else margin
        if len(line) - len(text) == margin and (match := _KEY.match(text)):
            keys.add(match[2])
    return frozenset(keys)


def _find(text: str, key: str) -> tuple[int, int]:
    """Return line and column of a key under [tool.headwater]; line 0 where it is written oddly."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[([^\[\]]*)\]", line):
            inside = re.sub(r"[\s\"']", "", match[1]) == "tool.headwater"
        elif inside and (match := re.match(rf"\s*[\"']?({re.escape(key)})[\"']?\s*=", line)):
            return number, match.start(1) + 1
    return 0, 1


def _problem(
    text: str, line: int, message: str, column: int = 1, length: int = 1, hint: str = ""
) -> Problem:
    lines = text.splitlines()
    return Problem(
        code="HW016",
        message=printable(message),
        file="pyproject.toml",
        line=line,
        column=column,
        length=length,
        hint=hint,
        text=lines[line - 1] if 0 < line <= len(lines) else "",
    )
