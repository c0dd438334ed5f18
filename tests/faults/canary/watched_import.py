"""Import every module below the folders that are named, and print what an import must not do.

Run as `python watched_import.py CANARY FOLDER...`, in an interpreter of its own.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from pathlib import Path

import dns.resolver  # noqa: F401 - what generated code stands on is imported unwatched
import email_validator  # noqa: F401
import headwater

FORBIDDEN = (
    "ctypes.",
    "os.exec",
    "os.fork",
    "os.mkdir",
    "os.posix_spawn",
    "os.putenv",
    "os.remove",
    "os.rename",
    "os.system",
    "pty.",
    "shutil.",
    "socket.",
    "subprocess.",
    "urllib.",
)
watched = ""  # the folder being imported; nothing is reported while there is none


def report(event: str, arguments: tuple[object, ...]) -> None:
    """Print an event of the interpreter that no data class would cause."""
    if not watched:
        return
    if event.startswith(FORBIDDEN):
        print(watched, event, ascii(arguments)[:200])
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        print(watched, "open for writing", ascii(arguments[0])[:200])


def main(canary: str, folders: list[str]) -> None:
    """Import what is there, folder by folder, each as if it were the only one."""
    global watched  # noqa: PLW0603 - an audit hook can't be removed, only told to look away
    for name in headwater.__all__:
        getattr(headwater, name)
    sys.dont_write_bytecode = True
    sys.addaudithook(report)
    for folder in folders:
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
        for file in sorted(Path(folder).rglob("*.py")):
            name = ".".join(file.relative_to(folder).with_suffix("").parts)
            watched = folder
            try:
                importlib.import_module(name.removesuffix(".__init__"))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
                print(folder, "cannot be imported:", name, ascii(repr(error))[:300])
            watched = ""
        if hasattr(builtins, canary):
            print(folder, "the canary sang")
            delattr(builtins, canary)
        for name in [
            name for name in sys.modules if name.split(".")[0] in {"generated", "services"}
        ]:
            del sys.modules[name]
        sys.path.remove(folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
