"""The names of one generated module, and the imports that follow from their use: exactly those."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Import", "Scope"]

_HOMES = {
    "builtins": "NotImplementedError bool bytes dict float int list str",
    "datetime": "UTC date datetime time timedelta timezone",
    "decimal": "Decimal",
    "enum": "StrEnum",
    "logging": "getLogger",
    "typing": "Annotated ClassVar Literal Never Protocol TypeAlias",
    "uuid": "UUID",
    "pydantic": "AwareDatetime EmailStr Field JsonValue",
    "headwater": """
        AfterDeadLetter BatchContext Breaker Ceiling Command CommandContext CommandDefinition
        CommandKind Contract Data DeliverySemantics Event EventContext FromBeginning FromLatest
        FromOffset FromTimestamp Lagging Mode OnUnknown Personal Publication Remote Retention Retry
        Service Stream StreamType StreamWriter Subscription UniqueItems Unread UnreadThen Unrouted
        Uri Workflow WorkflowDefinition
        """,
    "headwater.migrations": "Migrations",
    "headwater.evolution": """
        Envelope Fields Schemas Upcasting WithEnvelope computation conversion custom_function
        enum_map first_item joined parted text
        """,
    "headwater.testing.evolution": "EventVersions Hop Sample",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_STANDARD = frozenset({"builtins", "datetime", "decimal", "enum", "logging", "typing", "uuid"})
_THIRD_PARTY = frozenset(
    {
        "headwater",
        "headwater.evolution",
        "headwater.migrations",
        "headwater.testing.evolution",
        "pydantic",
    }
)


@dataclass(frozen=True, slots=True)
class Import:
    """One `from module import names` statement; a name may be `Name as Alias`."""

    module: str
    names: tuple[str, ...]


class Scope:
    """What one module calls its things.

    `taken` are the names that the module gives away itself: its classes, the fields and functions
    in them, and what it may import from its siblings. A library's name that is among them is
    imported under another one, `Field as Field_`.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = frozenset(taken)
        self._local: dict[str, str] = {}
        self._imports: dict[str, set[str]] = {}

    def __getitem__(self, name: str) -> str:
        """Return what the module calls a name of Python, pydantic or Headwater; it is imported."""
        if name not in self._local:
            local = name
            while local in self._taken:
                local += "_"
            self._local[name] = local
            home = _HOME_OF[name]
            if home != "builtins" or local != name:
                self._import(home, name if local == name else f"{name} as {local}")
        return self._local[name]

    def use(self, *names: str) -> None:
        """Import what a template writes of its own accord; it finds the names in `names`."""
        for name in names:
            self[name]

    def sibling(self, module: str, name: str) -> str:
        """Import a name of the spec from another generated module and return it."""
        self._import(module, name)
        return name

    def foreign(self, module: str, name: str, local: str) -> str:
        """Import a name of another service's contract and return what it is called here."""
        self._import(module, name if local == name else f"{name} as {local}")
        return local

    def names(self) -> dict[str, str]:
        """Return what is used so far: names as their libraries call them to names here."""
        return dict(self._local)

    def imports(self) -> tuple[tuple[Import, ...], ...]:
        """Return the statements in groups: standard library, third party, first party, siblings."""
        groups: tuple[list[Import], ...] = ([], [], [], [])
        for module in sorted(self._imports):
            names = tuple(sorted(self._imports[module]))
            groups[_group(module)].append(Import(module, names))
        return tuple(tuple(group) for group in groups if group)

    def _import(self, module: str, name: str) -> None:
        self._imports.setdefault(module, set()).add(name)


def _group(module: str) -> int:
    if module in _STANDARD:
        return 0
    if module in _THIRD_PARTY:
        return 1
    return 3 if module.startswith(".") else 2
