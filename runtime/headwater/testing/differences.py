"""Say how what came differs from what was expected: one line for each field that does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from headwater.events import Command, Data, Event

__all__ = ["differences", "in_order"]

MISSING = object()


def in_order(expected: Sequence[Data], found: Sequence[Data]) -> list[str]:
    """How the found ones differ from the expected, place by place; nothing if they do not."""
    lines: list[str] = []
    for place in range(max(len(expected), len(found))):
        due = expected[place] if place < len(expected) else MISSING
        came = found[place] if place < len(found) else MISSING
        if due == came:
            continue
        if not isinstance(due, Data) or type(due) is not type(came):
            lines.append(f"{place + 1}. expected {_shown(due)}, got {_shown(came)}")
        else:
            lines.append(f"{place + 1}. {_title(due)}")
            lines.extend(f"     {line}" for line in differences(due, came))
    return lines


def differences(expected: object, found: object, path: str = "") -> Iterator[str]:
    """One line for each place at which the two values differ, deepest first."""
    if type(expected) is type(found):
        if isinstance(expected, Data) and isinstance(found, Data):
            yield from _by_key(_fields(expected), _fields(found), path, ".")
            return
        if isinstance(expected, Mapping) and isinstance(found, Mapping):
            yield from _by_key(expected, found, path, "[")
            return
        if isinstance(expected, list) and isinstance(found, list):
            yield from _by_key(_numbered(expected), _numbered(found), path, "[")
            return
    if expected != found or type(expected) is not type(found):
        name = f"{path}: " if path else ""
        yield f"{name}expected {_shown(expected)}, got {_shown(found)}"


def _by_key(
    expected: Mapping[object, object], found: Mapping[object, object], path: str, mark: str
) -> Iterator[str]:
    for key in {**expected, **found}:
        due, came = expected.get(key, MISSING), found.get(key, MISSING)
        if due is MISSING or came is MISSING or due != came:
            step = f"[{key!r}]" if mark == "[" else f".{key}" if path else str(key)
            yield from differences(due, came, f"{path}{step}")


def _fields(data: Data) -> dict[object, object]:
    return {name: getattr(data, name) for name in type(data).model_fields}


def _numbered(items: list[object]) -> dict[object, object]:
    return dict(enumerate(items))


def _title(data: Data) -> str:
    if isinstance(data, Event):
        return f"{data.event_name} (version {data.event_version})"
    return data.command_name if isinstance(data, Command) else type(data).__name__


def _shown(value: object) -> str:
    """The value as a test writes it, also where it is about a person: it is the test's own."""
    if value is MISSING or value is None:
        return "nothing" if value is MISSING else "None"
    if isinstance(value, Data):
        fields = ", ".join(f"{name}={_shown(one)}" for name, one in _fields(value).items())
        return f"{type(value).__name__}({fields})"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_shown(one)}' for key, one in value.items())}}}"
    return repr(value)
