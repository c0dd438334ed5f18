"""Whether the functions beside a spec do nothing but compute, as far as their text tells.

The text is read as a tree and never executed. This keeps what depends on the hour, the machine or
chance out of upcasts, so that an event reads the same always and everywhere; it is no cage for code
that nobody trusts, which has no place beside a spec.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import ModuleType

from ..load import Place, Source
from ..problems import Problem, SpecError

__all__ = ["IMPORTS", "Module", "parse", "place_of", "sins"]

PYTHON = (3, 11)  # the oldest that generated packages run on

IMPORTS = (
    *("__future__", "collections", "collections.abc", "datetime", "decimal", "math", "re"),
    *("string", "typing", "unicodedata", "uuid"),
)
"""Modules that functions may import."""

_BUILTINS = frozenset(
    {
        "breakpoint",
        "compile",
        "delattr",
        "dir",
        "eval",
        "exec",
        "exit",
        "getattr",
        "globals",
        "hash",
        "help",
        "id",
        "input",
        "locals",
        "open",
        "print",
        "quit",
        "setattr",
        "vars",
    }
)
# What differs by the hour, by machine or by chance, or is set for all; and what evaluates a text.
_MEMBERS = frozenset(
    {
        "now",
        "today",
        "utcnow",
        "getnode",
        "uuid1",
        "uuid4",
        "uuid6",
        "uuid7",
        "uuid8",
        "getcontext",
        "setcontext",
        "get_type_hints",
        "evaluate_forward_ref",
        "ForwardRef",
        "Formatter",
    }
)
_FRAMES = re.compile(r"(gi|cr|ag|tb|f)_(frame|code|back|globals|builtins|locals|next|await)")
_DUNDER = re.compile(r"__\w*__")


@dataclass(frozen=True)
class Module:
    """A file of functions as a tree."""

    source: Source
    tree: ast.Module

    @cached_property
    def modules(self) -> Mapping[str, str]:
        """The modules that are imported, by what they are called here."""
        found: dict[str, str] = {}
        for one in ast.walk(self.tree):
            if isinstance(one, ast.Import):
                for alias in one.names:
                    top = alias.name.partition(".")[0]
                    found[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(one, ast.ImportFrom):
                for alias in one.names:
                    if f"{one.module}.{alias.name}" in IMPORTS:
                        found[alias.asname or alias.name] = f"{one.module}.{alias.name}"
        return found

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions at the top."""
        return frozenset(one.name for one in self.tree.body if isinstance(one, ast.FunctionDef))

    @cached_property
    def bound(self) -> frozenset[str]:
        """Every name that is given away, at the top or inside: it is not Python's own any more."""
        return self.functions | {
            one.arg if isinstance(one, ast.arg) else one.id
            for one in ast.walk(self.tree)
            if isinstance(one, ast.arg) or (isinstance(one, ast.Name) and _is_stored(one))
        }

    @cached_property
    def constants(self) -> frozenset[str]:
        """The names at the top that are given to values."""
        return frozenset(
            each.id
            for one in self.tree.body
            if isinstance(one, ast.Assign | ast.AnnAssign)
            for target in (one.targets if isinstance(one, ast.Assign) else [one.target])
            for each in ast.walk(target)
            if isinstance(each, ast.Name)
        )


def parse(source: Source) -> Module:
    """Return a file as a tree.

    Raises:
        SpecError: It is not Python (HW814).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are the team's own linter's business
            tree = ast.parse(source.text, source.path, feature_version=PYTHON)
            compile(source.text, source.path, "exec", dont_inherit=True)  # it finds more
            ast.dump(tree)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        problem = source.problem("HW814", f"this is not Python: {error.msg}", line, max(1, column))
    except (ValueError, RecursionError, MemoryError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else "not Python"
        problem = source.problem("HW814", f"the file is {what}", 1, 1)
    else:
        return Module(source, tree)
    raise SpecError([problem])


def place_of(source: Source, node: ast.AST) -> Place:
    """Return where a piece of the tree stands; of several lines the first."""
    line: int = getattr(node, "lineno", 1)
    text = source.lines[line - 1].encode() if line <= len(source.lines) else b""
    start: int = getattr(node, "col_offset", 0)
    is_one_line = getattr(node, "end_lineno", line) == line
    end: int = getattr(node, "end_col_offset", start + 1) if is_one_line else len(text)
    before = text[:start].decode("utf-8", "ignore")  # Python 3.11 misplaces parts of f-strings
    wrong = text[start:end].decode("utf-8", "ignore")
    return Place(source, line, len(before) + 1, max(1, len(wrong)))


def sins(module: Module) -> Iterator[Problem]:
    """Yield what is imported (HW815), done (HW816) or written outside functions (HW817) wrongly."""
    for node in ast.walk(module.tree):
        for message, hint in _imported(node):
            yield place_of(module.source, node).problem("HW815", message, hint)
        for message, hint in _done(node, module):
            yield place_of(module.source, node).problem("HW816", message, hint)
    for node, message in _loose(module):
        hint = "imports, constants and functions stand at the top"
        yield place_of(module.source, node).problem("HW817", message, hint)


_Fault = tuple[str, str]


def _imported(node: ast.AST) -> Iterator[_Fault]:
    hint = f"{', '.join(IMPORTS[1:])} may be"
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name not in IMPORTS:
                yield f"{alias.name} is not to be imported", hint
    elif isinstance(node, ast.ImportFrom):
        name = "." * node.level + (node.module or "")
        if name not in IMPORTS:
            yield f"{name} is not to be imported", hint
            return
        for alias in node.names:
            if alias.name == "*":
                yield f"what comes with * of {name} cannot be told", "name what is needed"
            elif f"{name}.{alias.name}" not in IMPORTS:
                yield from _member(name, alias.name)


def _member(module: str, name: str) -> Iterator[_Fault]:
    """Say what is wrong with taking something out of a module."""
    if name in _MEMBERS:
        yield _impure(f"{module}.{name}")
    elif not hasattr(import_module(module), name):
        yield f"{module} has no {name}", "is it spelt so?"
    elif name.startswith("_") or isinstance(getattr(import_module(module), name), ModuleType):
        yield f"{name} is {module}'s own", "take what it offers to others"


def _impure(name: str) -> _Fault:
    hint = "an event reads the same always and everywhere: use what is in its fields"
    return f"{name} is no pure function", hint


def _done(node: ast.AST, module: Module) -> Iterator[_Fault]:
    match node:
        case ast.Name(id=name) if name in _BUILTINS and name not in module.bound:
            yield _impure(name)
        case ast.Name(id=name) if _DUNDER.fullmatch(name):
            yield f"{name} is Python's own", "compute with the fields"
        case ast.Attribute(attr=name) if _DUNDER.fullmatch(name) or _FRAMES.fullmatch(name):
            yield f"{name} is Python's own", "compute with the fields"
        case ast.MatchClass(kwd_attrs=names) if any(map(_DUNDER.fullmatch, names)):
            yield "a pattern looks at Python's own", "compute with the fields"
        case ast.Attribute(ctx=ast.Store() | ast.Del()):
            yield "attributes stay as they are", "fields are items: fields[name]"
        case ast.Attribute(value=value, attr=name):
            yield from _taken(value, name, module)
        case ast.Call(func=ast.Attribute(attr="astimezone"), args=[], keywords=[]):
            yield "the machine's time zone would be taken", "write astimezone(UTC)"
        case ast.Call(func=ast.Attribute(attr="fromtimestamp"), args=[_], keywords=[]):
            yield "the machine's time zone would be taken", "write fromtimestamp(seconds, UTC)"
        case ast.Global():
            yield "names outside the function stay as they are", "return what is made"
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            yield "nothing is awaited here", "write a plain function"
        case ast.comprehension(is_async=1):
            yield "nothing is awaited here", "write a plain function"
        case ast.ClassDef():
            yield "no class is needed here", "write functions"
        case ast.FunctionDef(decorator_list=[_, *_]):
            yield f"{node.name} has a decorator", "write a plain function"
        case ast.Subscript(ctx=ast.Store() | ast.Del()) if _root(node) in module.constants:
            yield "constants stay as they are", "return what is made"
        case _:
            yield from _loose_modules(node, module)


def _taken(value: ast.expr, name: str, module: Module) -> Iterator[_Fault]:
    """Say what is wrong with `value.name`."""
    owner = _module(value, module)
    if owner is None:
        if name in _MEMBERS:
            yield _impure(name)
    elif f"{owner}.{name}" not in IMPORTS:
        yield from _member(owner, name)


def _loose_modules(node: ast.AST, module: Module) -> Iterator[_Fault]:
    """Find modules that are handed about: nobody could tell what is taken out of them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name | ast.Attribute) and isinstance(child.ctx, ast.Load):
            name = _module(child, module)
            if name is not None:
                yield f"{name} stands alone", f"write {name}.something"


def _module(node: ast.expr, module: Module) -> str | None:
    """Return the module that an expression is."""
    if isinstance(node, ast.Name):
        return module.modules.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _module(node.value, module)
        if owner is not None and f"{owner}.{node.attr}" in IMPORTS:
            return f"{owner}.{node.attr}"
    return None


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _loose(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield what stands at the top and is no import, constant, function or docstring."""
    for one in module.tree.body:
        match one:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef():
                continue
            case ast.AsyncFunctionDef() | ast.ClassDef():
                continue  # HW816 says so
            case ast.Expr(value=ast.Constant(value=str())):
                continue
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                yield from _changing(value, module)
            case ast.AnnAssign():
                continue
            case _:
                yield one, "this would run whenever the file is imported"


def _changing(value: ast.expr, module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield what makes a value at the top more than a constant."""
    for one in ast.walk(value):
        match one:
            case ast.Call(func=ast.Name(id=name)) if name in module.functions:
                yield one, f"a constant calls {name}"
            case ast.Lambda() | ast.NamedExpr():
                yield one, "this is no constant"
