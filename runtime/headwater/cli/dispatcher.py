"""`headwater VERB ...`: finds the verb and hands the rest of the line to it.

A verb is an entry point of the group `headwater.verbs`: a function `run(argv) -> int` in a module
that imports nothing heavy at its top and has a `SUMMARY`. So `headwater --help` starts neither
pydantic nor the generator, and a package can add verbs of its own.

Exit status: 0 done · 1 a check found something · 2 the input or the call is wrong · 70 a bug in
Headwater · 130 interrupted · 141 nobody reads the output any more.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, entry_points

__all__ = ["main"]

DISTRIBUTION = "headwater"
GROUP = "headwater.verbs"

WRONG_CALL = 2
BUG = 70
INTERRUPTED = 130
BROKEN_PIPE = 141

# Root package of a verb → the extras that bring what its modules import.
EXTRAS = {"headwater": "cli,http", "headwater_generator": "generator"}

USAGE = "Usage: headwater VERB [ARGUMENTS]\n       headwater --help | --version\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status."""
    try:
        status = _dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more while it exits; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return status


def _dispatch(argv: list[str]) -> int:
    if not argv:
        sys.stderr.write(_help())
        return WRONG_CALL
    name, *arguments = argv
    if name in {"-h", "--help"}:
        sys.stdout.write(_help())
        return 0
    if name in {"-V", "--version"}:
        sys.stdout.write(f"headwater {_version()}\n")
        return 0
    verb = _find(name)
    if verb is None:
        sys.stderr.write(_unknown(name))
        return WRONG_CALL
    return _run(verb, arguments)


def _run(verb: EntryPoint, arguments: list[str]) -> int:
    try:
        run: Callable[[Sequence[str]], int] = verb.load()
        return run(arguments)
    except ModuleNotFoundError as error:
        sentence = _missing_extra(verb, error)
        if sentence is None:
            return _report_bug(verb, error)
        sys.stderr.write(sentence)
        return WRONG_CALL
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  (reported; status 1 would read as a check's finding)
        return _report_bug(verb, error)


def _find(name: str) -> EntryPoint | None:
    for verbs in (_own_verbs, _other_verbs):
        for verb in verbs():
            if verb.name == name:
                return verb
    return None


def _own_verbs() -> Iterator[EntryPoint]:
    """The verbs of Headwater itself, found without looking at any other distribution."""
    try:
        installed = Distribution.from_name(DISTRIBUTION)
    except PackageNotFoundError:
        return
    yield from installed.entry_points.select(group=GROUP)


def _other_verbs() -> Iterator[EntryPoint]:
    own = {verb.name for verb in _own_verbs()}
    yield from (verb for verb in entry_points(group=GROUP) if verb.name not in own)


def _all_verbs() -> list[EntryPoint]:
    return sorted([*_own_verbs(), *_other_verbs()], key=lambda verb: verb.name)


def _version() -> str:
    try:
        return Distribution.from_name(DISTRIBUTION).version
    except PackageNotFoundError:
        return "(not installed)"


def _help() -> str:
    verbs = _all_verbs()
    width = max((len(verb.name) for verb in verbs), default=0)
    lines = [f"  {verb.name:<{width}}  {_summary(verb)}\n" for verb in verbs]
    return "".join(
        [
            "Headwater: a spec becomes typed events, commands and subscriptions, and runs.\n\n",
            USAGE,
            "\nVerbs:\n",
            *lines,
            "\n`headwater VERB --help` tells the rest.\n",
        ]
    )


def _summary(verb: EntryPoint) -> str:
    try:
        return str(import_module(verb.module).SUMMARY)
    except ModuleNotFoundError as error:
        return f"(cannot be loaded: {error})"


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    what = "option" if name.startswith("-") else "verb"
    names = [verb.name for verb in _all_verbs()]
    near = get_close_matches(name, names, n=1) if what == "verb" else []
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
    return f"headwater: no {what} {name!r}; {hint}\n"


def _missing_extra(verb: EntryPoint, error: ModuleNotFoundError) -> str | None:
    """What to install, or `None` when the missing module is one of the verb's own."""
    missing = (error.name or "").partition(".")[0]
    package = verb.module.partition(".")[0]
    if not missing or missing in {*EXTRAS, package} or package not in EXTRAS:
        return None
    return (
        f"headwater {verb.name} needs {missing!r}, which is not installed here: "
        f'pip install "headwater[{EXTRAS[package]}]"\n'
    )


def _report_bug(verb: EntryPoint, error: Exception) -> int:
    traceback.print_exception(error, file=sys.stderr)
    whose = "Headwater" if verb.module.partition(".")[0] in EXTRAS else verb.module
    sys.stderr.write(f"headwater {verb.name}: this is a bug in {whose}; please report the above\n")
    return BUG
