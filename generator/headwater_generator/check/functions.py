"""The functions that `custom` ops call: there, and plain `def name(fields)`."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..grammar import Event, PastVersion, Upcasts
from ..grammar.ops import Custom, Op, walk
from ..load import Place, Source, entries, locate, read_sources
from ..load.characters import forbidden
from ..names import nearest, snake
from ..problems import Problem, SpecError
from .purity import Module, parse, place_of, sins
from .scope import Scope

__all__ = ["read_functions"]

FOLDER = "upcasts"  # beside the spec


@dataclass(frozen=True, slots=True)
class _Call:
    """A function's name where an op has it."""

    name: str
    place: Place
    before: tuple[str, ...]
    """Fields that the function is given; none where other ops come first."""
    after: tuple[str, ...]
    """Fields that are due of it."""


def read_functions(scope: Scope, root: Path, path: Path | None = None) -> Upcasts | None:
    """Return the file of the functions that `custom` ops name; None if no op does, or on problems.

    It is beside the spec, unless `path` says where.

    HW812 to HW817: it is read and never executed. Only what is there, plain and pure passes.
    """
    calls = list(_calls(scope))
    if not calls:
        return None
    spec = scope.spec
    path = path or (root / spec.path).parent / FOLDER / f"{snake(spec.service)}.py"
    known = len(scope.problems)
    try:
        name = locate(path, root)
        if not path.is_file():
            for call in _first_of_each(calls):
                hint = f"write it, with Any from typing: {_stub(call)}"
                scope.add(call.place, "HW812", f"there is no {name} with {call.name}", hint)
            return None
        [source] = read_sources(path, root)
        scope.problems.extend(forbidden(source))
        module = parse(source)
    except SpecError as error:
        scope.problems.extend(error.problems)
        return None
    scope.problems.extend(sins(module))
    for call in _first_of_each(calls):
        scope.problems.extend(_faults(call, module))
    if len(scope.problems) > known:
        return None
    digests = _digests(module, dict.fromkeys(call.name for call in calls))
    return Upcasts(path=name, text="\n".join(source.lines), digests=digests)


def _calls(scope: Scope) -> Iterator[_Call]:
    for workflow in scope.spec.workflows.values():
        for event in workflow.events.values():
            before: tuple[str, ...] = ()
            for version in event.versions.values():
                yield from _calls_of(version, before)
                before = tuple(version.fields)


def _calls_of(version: Event | PastVersion, before: tuple[str, ...]) -> Iterator[_Call]:
    ops: tuple[Op, ...] = version.upcast
    after = tuple(version.fields)
    is_alone = len(ops) == 1
    for op in walk(ops):
        if isinstance(op, Custom):
            places = {one.key.text: one.value for one in entries(op.functions.node)}
            up, down = op.functions.up, op.functions.down
            yield _Call(up, places["up"], before if is_alone else (), after)
            if down:
                yield _Call(down, places["down"], after, before if is_alone else ())


def _first_of_each(calls: list[_Call]) -> Iterator[_Call]:
    first: dict[str, _Call] = {}
    for call in calls:
        first.setdefault(call.name, call)
    yield from first.values()


def _stub(call: _Call) -> str:
    """Return a function in one line: what stays is taken over, and each `...` is to be written."""
    items = ", ".join(
        f'"{name}": ' + (f'fields["{name}"]' if name in call.before else "...")
        for name in call.after
    )
    return f"def {call.name}(fields: dict[str, Any]) -> dict[str, Any]: return {{{items}}}"


def _faults(call: _Call, module: Module) -> Iterator[Problem]:
    """HW812, HW813: the function is there, once, takes the fields, and returns them."""
    source = module.source
    found = [one for one in module.tree.body if _name(one) == call.name]
    if not found:
        named = [name for one in module.tree.body if (name := _name(one))]
        better = nearest(call.name, named)
        hint = f'did you mean "{better}"? Or write it: ' if better else "write it: "
        message = f"{source.path} has no function {call.name}"
        yield call.place.problem("HW812", message, f"{hint}{_stub(call)}")
        return
    if len(found) > 1:
        hint = f"the first is on line {found[0].lineno}"
        yield _at(source, found[1]).problem("HW813", f"{call.name} is there twice", hint)
    [one, *_] = found
    due = f"write def {call.name}(fields: dict[str, Any]) -> dict[str, Any]:"
    if not isinstance(one, ast.FunctionDef):
        message = f"{call.name} is no function that is called and returns"
        yield _at(source, one).problem("HW813", message, due)
        return
    arguments = one.args
    positional = [*arguments.posonlyargs, *arguments.args]
    if len(positional) != 1 or arguments.vararg or arguments.kwonlyargs or arguments.kwarg:
        message = f"{call.name} does not take just the fields"
        yield _at(source, one).problem("HW813", message, due)
    for inner in _own(one):
        if isinstance(inner, ast.Yield | ast.YieldFrom):
            message = f"{call.name} yields, and the fields are to be returned"
            yield place_of(source, inner).problem("HW813", message, "return a dict")
    yield from _unwritten(source, one)


def _unwritten(source: Source, function: ast.FunctionDef) -> Iterator[Problem]:
    """HW813: the places that a stub left to be written."""
    in_types = {
        id(each)
        for one in ast.walk(function)
        if isinstance(one, ast.Subscript)
        for each in ast.walk(one.slice)
    }
    for one in ast.walk(function):
        if isinstance(one, ast.Constant) and one.value is Ellipsis and id(one) not in in_types:
            message = f"{function.name} is still a stub"
            yield place_of(source, one).problem("HW813", message, "write what becomes of it")


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield what is in a function and in no other inside of it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        one = waiting.pop()
        yield one
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(one))


def _name(statement: ast.stmt) -> str:
    """Return what a statement at the top gives a name to; "" for none, or several."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return ""


def _at(source: Source, statement: ast.stmt) -> Place:
    """Return the first line of a statement."""
    whole = place_of(source, statement)
    line = source.lines[whole.line - 1]
    return Place(source, whole.line, whole.column, len(line.rstrip()) - whole.column + 1)


def _digests(module: Module, functions: Iterable[str]) -> Mapping[str, str]:
    """Return of each function a hash of it and of all that it refers to, but for comments."""
    texts: dict[str, str] = {}
    referred: dict[str, set[str]] = {}
    for statement in module.tree.body:
        text = ast.dump(statement)
        used = {one.id for one in ast.walk(statement) if isinstance(one, ast.Name)}
        for each in _given(statement):
            texts[each] = texts.get(each, "") + text
            referred.setdefault(each, set()).update(used)
    digests: dict[str, str] = {}
    for name in functions:
        whole = "\n".join(texts[each] for each in sorted(_reached(name, referred)))
        digests[name] = hashlib.sha256(whole.encode()).hexdigest()
    return MappingProxyType(digests)


def _reached(name: str, referred: Mapping[str, set[str]]) -> set[str]:
    found = {name}
    waiting = [name]
    while waiting:
        fresh = (referred[waiting.pop()] & referred.keys()) - found
        found |= fresh
        waiting.extend(fresh)
    return found


def _given(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top gives away."""
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                yield (alias.asname or alias.name).partition(".")[0]
        case ast.FunctionDef(name=name):
            yield name
        case _:
            for one in ast.walk(statement):
                if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                    yield one.id
