"""What a name of the spec becomes in Python, in files and in addresses.

`check` asks these functions for clashes and `model` for names, so that both see the same. Every
answer is ASCII.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable

from headwater.schema import RESERVED_FIELD_NAMES

__all__ = [
    "MAX_NAME_LENGTH",
    "RESERVED_CLASS_NAMES",
    "RESERVED_FILE_NAMES",
    "RESERVED_MODULE_NAMES",
    "RESERVED_OBJECT_NAMES",
    "client_module",
    "enum_member",
    "enum_prefix",
    "event_class",
    "function_name",
    "id_field_name",
    "input_message",
    "is_kebab",
    "is_pascal",
    "is_snake",
    "json_name",
    "kebab",
    "nearest",
    "pascal",
    "pinned",
    "python_name",
    "snake",
    "type_name",
    "validator_name",
    "versioned",
    "workflow_class",
    "writer_class",
    "zero_member",
]

MAX_NAME_LENGTH = 80  # characters; leaves room for suffixes in file, queue and table names

_KEBAB = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*")
_LONGEST_SPELLED_OUT = 8  # characters of an enum value like "<=" that may be named one by one

RESERVED_CLASS_NAMES = frozenset({"False", "Handlers", "None", "True"})
"""What no type, event or command may be called: Python's constants, and a class of every package.

Names that generated modules import are no trouble: they are imported under another name.
"""
_MODULES = """
    commands events handlers migrations pb projections proto queries remotes sagas schemas
    service subscriptions test_upcasting types upcasting upcasts workflows
"""
_DEVICES = """
    aux con nul prn com1 com2 com3 com4 com5 com6 com7 com8 com9
    lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9
"""
RESERVED_MODULE_NAMES = frozenset(_MODULES.split())
"""Modules and folders of a generated package, beside which its objects are exported."""
RESERVED_FILE_NAMES = frozenset(_DEVICES.split())
"""Devices of Windows: no file can have such a name there, whatever its ending."""
RESERVED_OBJECT_NAMES = RESERVED_MODULE_NAMES | RESERVED_FILE_NAMES | set(keyword.kwlist)
"""What no service may become in Python: all of these, and keywords."""


def is_kebab(name: str) -> bool:
    """Tell whether a name is `kebab-case`, as services, streams and subscriptions are."""
    return _KEBAB.fullmatch(name) is not None


def is_pascal(name: str) -> bool:
    """Tell whether a name is `PascalCase`, as types, workflows, events and commands are."""
    return _PASCAL.fullmatch(name) is not None


def is_snake(name: str) -> bool:
    """Tell whether a name is `snake_case`, as fields are."""
    return _SNAKE.fullmatch(name) is not None


def snake(name: str) -> str:
    """Return the `snake_case` form: of `AddUser` and `add-user` it is `add_user`."""
    return "_".join(_words(name))


def kebab(name: str) -> str:
    """Return the `kebab-case` form: of `AddUser` it is `add-user`."""
    return "-".join(_words(name))


def pascal(name: str) -> str:
    """Return the `PascalCase` form: of `user-analytics` it is `UserAnalytics`."""
    return "".join(word[0].upper() + word[1:] for word in _words(name))


def python_name(name: str) -> str:
    """Return the name of an attribute or function: its own, with `_` behind if Python needs it.

    A field that is renamed keeps its own name on the wire. `type` and `match` are no trouble as
    attributes, and stay.
    """
    clashes = keyword.iskeyword(name) or name in RESERVED_FIELD_NAMES or name.startswith("model_")
    return f"{name}_" if clashes else name


def client_module(service: str) -> str:
    """Return what the client package of a service is imported as: `user_service_client`."""
    return f"{snake(service)}_client"


def event_class(event: str, version: int) -> str:
    """Return the class of one version of an event: `UserAddedV1`."""
    return versioned(event, version)


def versioned(name: str, version: int) -> str:
    """Return the name of one version of an event or type in Python: `RoleV1` of `Role@1`."""
    return f"{name}V{version}"


def type_name(written: str) -> str:
    """Return the name in Python of a type that a spec names: `RoleV1` of `Role@1`."""
    name, _, version = written.partition("@")
    return versioned(name, int(version)) if version.isdecimal() and len(version) < 5 else written


def pinned(event: str) -> tuple[str, int | None]:
    """Return an event's name, and the version that a subscription wants: `UserAdded@1`."""
    name, _, version = event.partition("@")
    return name, int(version) if version.isdecimal() and len(version) < 5 else None


def workflow_class(workflow: str) -> str:
    """Return the class of a workflow: `UserWorkflow`."""
    return f"{workflow}Workflow"


def writer_class(stream: str) -> str:
    """Return the class through which commands write to a stream: `UserAnalyticsWriter`."""
    return f"{pascal(stream)}Writer"


def function_name(name: str) -> str:
    """Return the handler of a command or subscription; a subscription's object is called so too."""
    return python_name(snake(name))


def validator_name(command: str) -> str:
    """Return the function that refuses a command before its handler runs: `validate_add_user`."""
    return f"validate_{snake(command)}"


def id_field_name(workflow: str) -> str:
    """Return the field that holds a workflow's id where a command names no other: `user_id`."""
    return f"{snake(workflow)}_id"


def input_message(name: str) -> str:
    """Return the message, or enum, of a type in a command."""
    return f"{name}Input"


def enum_prefix(message: str) -> str:
    """Return what the values of an enum begin with: of `RoleV1` it is `ROLE_V1_`.

    Words are told apart as buf's linter does.
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", message)
    return f"{words.upper()}_"


def zero_member(members: Collection[str]) -> str:
    """Return the member of an enum in protobuf that stands for none of its own."""
    zero = "UNSPECIFIED"
    while zero in members:
        zero = f"ZERO_{zero}"
    return zero


def json_name(field: str) -> str:
    """Return what protobuf calls a field in JSON: `firstName`; `a1` and `a_1` are both `a1`."""
    first, *others = field.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)


def enum_member(value: str) -> str:
    """Return the member name of an enum value, or "" if none can be made.

    `in-progress` becomes `IN_PROGRESS`, `2fa` becomes `VALUE_2FA`, and a short value without any
    letter or digit is spelled out: `<=` becomes `LESS_THAN_SIGN_EQUALS_SIGN`.
    """
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", value)
        if not unicodedata.combining(character)
    )
    words = [snake(part) for part in re.split(r"[^A-Za-z0-9]+", plain) if part]
    if not words and len(value) <= _LONGEST_SPELLED_OUT:
        words = [
            re.sub(r"[^A-Za-z0-9]+", "_", unicodedata.name(character, "")).strip("_")
            for character in value
        ]
    name = "_".join(word for word in words if word).upper()
    return f"VALUE_{name}" if name[:1].isdigit() else name


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant: at most two edits away, or other case only."""
    folded = _folded(name)
    best: tuple[int, str] | None = None
    for candidate in sorted(known):
        if _folded(candidate) == folded:
            return candidate
        distance = _distance(name, candidate, limit=2)
        # Two edits of a three-letter name make any other one.
        if distance <= min(2, max(len(name), len(candidate)) - 2) and (
            best is None or distance < best[0]
        ):
            best = (distance, candidate)
    return best[1] if best else None


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _folded(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()


def _distance(one: str, other: str, limit: int) -> int:
    """Count the edits between two words (insert, delete, change, swap); beyond the limit, stop."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, right in enumerate(other, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]
