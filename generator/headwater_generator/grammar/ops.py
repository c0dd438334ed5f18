"""The ops of `upcast`: what leads from one version of an event to the next.

Each op is a record of one key, so that reading, schema and reference treat it as any other. What an
op does going up is said here, for people; what it means for schemas and data, in `evolution`.
"""

# ruff: noqa: RUF009 - `key` declares fields, as `dataclasses.field` does
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeAlias

from headwater.schema.conversions import CONVERSIONS
from typing_extensions import override

from ..load import NOWHERE, Node, Place, Scalar, Sequence
from ..problems import Problem
from .containers import ListShape, MapShape, Record, Variants
from .declare import JSON, UNREAD, UNSET, Model, Shape, Unset, key
from .reading import expected, refuse
from .words import MAX_VALUE_LENGTH, Choice, EnumValue, Json, Name, Note, Reference, Text

__all__ = [
    "OPS",
    "Add",
    "Compute",
    "Convert",
    "Custom",
    "Drop",
    "Each",
    "Format",
    "FromEnvelope",
    "Head",
    "Hoist",
    "In",
    "MapEnum",
    "Merge",
    "Nest",
    "Op",
    "Ops",
    "Rename",
    "Split",
    "Wrap",
    "op_name",
    "walk",
]


def _node() -> Any:
    return field(default=NOWHERE, compare=False, repr=False)


_FIELD = Reference("a field")
_NEW_FIELD = Name("a field", "snake_case")
_FUNCTION = Name("a function", "snake_case")
_SEPARATOR = "What stands between the parts."
_NONE: Mapping[str, str] = MappingProxyType({})


class _Separator(Note):
    """A text that is not empty; a space is one."""

    def __init__(self) -> None:
        super().__init__("a separator")

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if isinstance(node, Scalar) and not node.plain and node.text.isspace():
            return node.text if node.text.isprintable() else super().read(node, problems, owner)
        return super().read(node, problems, owner)

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": MAX_VALUE_LENGTH}


class Ops(Shape):
    """A list of ops, carried out in order. It is read as a whole or not at all."""

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if not isinstance(node, Sequence):
            return expected(problems, node, owner, "a list of ops", "one - a line")
        if not node.items:
            return refuse(problems, node, "HW111", "this list is empty", "leave the key out")
        before = len(problems)
        ops = tuple(_OP.read(item, problems, item) for item in node.items)
        return UNREAD if len(problems) > before else ops

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": _OP.schema(), "minItems": 1}

    @property
    @override
    def words(self) -> str:
        return "list: [op](#rename)"

    @override
    def parts(self) -> tuple[type[Model], ...]:
        return tuple(OPS.values())


class _Restored(Shape):
    """What `drop` takes: a mapping from fields to what comes back, or a list of fields."""

    _mapping = MapShape(_FIELD, Json())
    _list = ListShape(_FIELD)

    @override
    def read(self, node: Node, problems: list[Problem], owner: Place) -> object:
        if isinstance(node, Sequence):
            fields = self._list.read(node, problems, owner)
            return dict.fromkeys(fields, UNSET) if isinstance(fields, tuple) else fields
        return self._mapping.read(node, problems, owner)

    @override
    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self._list.schema(), self._mapping.schema()]}

    @property
    @override
    def words(self) -> str:
        return "list of fields, or mapping: field to the value that it gets going down"


@dataclass(frozen=True, kw_only=True)
class Rename(Model):
    """Moves fields to other names."""

    NOUN: ClassVar[str] = "a rename"

    names: Mapping[str, str] = key(
        "From the old name to the new; several at once may trade places. Down: the other way.",
        MapShape(_FIELD, _NEW_FIELD),
        name="rename",
        example="rename: {mail: email}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Add(Model):
    """Makes fields appear that are the same in every older event."""

    NOUN: ClassVar[str] = "an add"

    values: Mapping[str, JSON] = key(
        "From the new field to its value in older events, as on the wire. It is of whatever type "
        "the ops after this one, and the newer version, take. Down: the field goes.",
        MapShape(_NEW_FIELD, Json()),
        name="add",
        example="add: {currency: EUR}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Drop(Model):
    """Makes fields go."""

    NOUN: ClassVar[str] = "a drop"

    restored: Mapping[str, JSON | Unset] = key(
        "The fields; as a mapping, with the value that each gets going down. In a list, a field "
        "that may be null becomes null, and one that may not leaves no way down.",
        _Restored(),
        name="drop",
        example='drop: {nickname: ""}',
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Convert(Model):
    """Changes the type of fields, by a named pair of conversions. Null stays null."""

    NOUN: ClassVar[str] = "a convert"

    pairs: Mapping[str, str] = key(
        "From the field to the conversion: " + ", ".join(f"`{name}`" for name in CONVERSIONS) + ". "
        "Down: the other conversion of the pair.",
        MapShape(_FIELD, Choice(tuple(CONVERSIONS))),
        name="convert",
        example="convert: {amount: minor_units_to_decimal}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class EnumMapping(Model):
    """What `map_enum` takes."""

    NOUN: ClassVar[str] = "an enum mapping"

    source: str = key("The field.", _FIELD, name="field", example="field: status")
    values: Mapping[str, str] = key(
        "From an old value to the new one; values that are not named stay.",
        MapShape(EnumValue(), EnumValue(), empty=True),
        default=_NONE,
        default_words="none change",
        example="values: {open: todo, closed: done}",
    )
    back: Mapping[str, str] = key(
        "From a new value to the old one going down, where `values` does not tell: several old "
        "values became one, or the new one has no predecessor.",
        MapShape(EnumValue(), EnumValue(), empty=True),
        default=_NONE,
        default_words="the other way around",
        example="back: {blocked: open}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class MapEnum(Model):
    """Changes values of an enum. Null stays null."""

    NOUN: ClassVar[str] = "a map enum"

    mapping: EnumMapping = key(
        "Down: the other way, and as `back` says. A value that neither tells cannot go down.",
        Record(EnumMapping),
        name="map_enum",
        example="map_enum: {field: status, values: {open: todo}, back: {blocked: open}}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Parting(Model):
    """What `split` takes."""

    NOUN: ClassVar[str] = "a parting"

    source: str = key("The field, a text.", _FIELD, name="field", example="field: name")
    into: tuple[str, ...] = key(
        "The new fields, two at least.",
        ListShape(_NEW_FIELD),
        example="into: [first_name, last_name]",
    )
    sep: str = key(_SEPARATOR, _Separator(), example='sep: " "')
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Split(Model):
    """Takes a text apart at the first separators; parts that are missing are empty."""

    NOUN: ClassVar[str] = "a split"

    parting: Parting = key(
        "Down: the parts joined, without a separator before an empty tail.",
        Record(Parting),
        name="split",
        example='split: {field: name, into: [first_name, last_name], sep: " "}',
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Joining(Model):
    """What `merge` takes."""

    NOUN: ClassVar[str] = "a joining"

    sources: tuple[str, ...] = key(
        "The fields, texts, two at least.",
        ListShape(_FIELD),
        name="fields",
        example="fields: [first_name, last_name]",
    )
    into: str = key("The new field.", _NEW_FIELD, example="into: name")
    sep: str = key(_SEPARATOR, _Separator(), example='sep: " "')
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Merge(Model):
    """Puts texts together, without a separator before an empty tail."""

    NOUN: ClassVar[str] = "a merge"

    joining: Joining = key(
        "Down: the text taken apart at the first separators.",
        Record(Joining),
        name="merge",
        example='merge: {fields: [first_name, last_name], into: name, sep: " "}',
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Nesting(Model):
    """What `nest` takes."""

    NOUN: ClassVar[str] = "a nesting"

    sources: tuple[str, ...] = key(
        "The fields.", ListShape(_FIELD), name="fields", example="fields: [street, city]"
    )
    into: str = key("The new field, an object.", _NEW_FIELD, example="into: address")
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Nest(Model):
    """Puts fields into an object of their own."""

    NOUN: ClassVar[str] = "a nest"

    nesting: Nesting = key(
        "Down: out of it.",
        Record(Nesting),
        name="nest",
        example="nest: {fields: [street, city], into: address}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Hoisting(Model):
    """What `hoist` takes."""

    NOUN: ClassVar[str] = "a hoisting"

    source: str = key("The field, an object.", _FIELD, name="from", example="from: address")
    fields: tuple[str, ...] = key(
        "All fields of the object.", ListShape(_FIELD), example="fields: [street, city]"
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Hoist(Model):
    """Takes the fields of an object out of it; the object goes."""

    NOUN: ClassVar[str] = "a hoist"

    hoisting: Hoisting = key(
        "Down: into the object.",
        Record(Hoisting),
        name="hoist",
        example="hoist: {from: address, fields: [street, city]}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class OneField(Model):
    """What `wrap` and `head` take."""

    NOUN: ClassVar[str] = "one field"

    name: str = key("The field.", _FIELD, name="field", example="field: email")
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Wrap(Model):
    """Makes a value a list of that one value, and null an empty list."""

    NOUN: ClassVar[str] = "a wrap"

    one: OneField = key(
        "Down: the first item.", Record(OneField), name="wrap", example="wrap: {field: email}"
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Head(Model):
    """Makes a list its first item; an empty one null where the newer field may be null."""

    NOUN: ClassVar[str] = "a head"

    one: OneField = key(
        "Down: a list of that one value; no way where a list must be longer.",
        Record(OneField),
        name="head",
        example="head: {field: emails}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Inner(Model):
    """What `in` and `each` take."""

    NOUN: ClassVar[str] = "inner ops"

    name: str = key("The field.", _FIELD, name="field", example="field: address")
    do: tuple[Op, ...] = key(
        "The ops, on the fields of the object.", Ops(), example="do: [rename: {zip: postcode}]"
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class In(Model):
    """Carries out ops on an object. Null stays null."""

    NOUN: ClassVar[str] = "an in"

    inner: Inner = key(
        "Down: the ops' own ways down.",
        Record(Inner),
        name="in",
        example="in: {field: address, do: [rename: {zip: postcode}]}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Each(Model):
    """Carries out ops on each object of a list. Null stays null."""

    NOUN: ClassVar[str] = "an each"

    inner: Inner = key(
        "Down: the ops' own ways down.",
        Record(Inner),
        name="each",
        example="each: {field: lines, do: [rename: {amt: amount}]}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Format(Model):
    """Makes texts of other fields."""

    NOUN: ClassVar[str] = "a format"

    texts: Mapping[str, str] = key(
        "From the new field to its text, in which `{other}` stands for the field `other`: a text, "
        "a number, a boolean or an enum. `{{` and `}}` are braces. Down: the field goes.",
        MapShape(_NEW_FIELD, Text()),
        name="format",
        example='format: {email: "user{user_id}@unknown.example"}',
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Compute(Model):
    """Computes fields from others."""

    NOUN: ClassVar[str] = "a compute"

    expressions: Mapping[str, str] = key(
        "From the new field to an expression of fields and constants with `+ - * / // %`, "
        "comparisons, `and or not`, `a if b else c`, `is None`, slices, and the functions `len`, "
        "`lower`, `upper`, `strip`, `min`, `max`, `abs`, `round`, `int`, `str` and `coalesce`. "
        "Down: the field goes.",
        MapShape(_NEW_FIELD, Text()),
        name="compute",
        example='compute: {total: "price * count"}',
    )
    node: Node = _node()


ENVELOPE: tuple[Literal["id", "time", "workflow_id"], ...] = ("id", "time", "workflow_id")


@dataclass(frozen=True, kw_only=True)
class FromEnvelope(Model):
    """Takes fields from what is recorded beside the event."""

    NOUN: ClassVar[str] = "a from envelope"

    parts: Mapping[str, Literal["id", "time", "workflow_id"]] = key(
        "From the new field to the event's `id` (a uuid), its `time` (a datetime: when it was "
        "first recorded), or the `workflow_id` (a string). Down: the field goes.",
        MapShape(_NEW_FIELD, Choice(ENVELOPE)),
        name="from_envelope",
        example="from_envelope: {added_at: time}",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Functions(Model):
    """What `custom` takes."""

    NOUN: ClassVar[str] = "custom functions"

    up: str = key("The function that goes up.", _FUNCTION, example="up: tidy_address")
    down: str | None = key(
        "The function that goes down.",
        _FUNCTION,
        default=None,
        default_words="none: there is no way down",
        example="down: untidy_address",
    )
    node: Node = _node()


@dataclass(frozen=True, kw_only=True)
class Custom(Model):
    """Calls pure functions of your own, from `upcasts/<service>.py` by the spec; the last op."""

    NOUN: ClassVar[str] = "a custom"

    functions: Functions = key(
        "Each is a plain `def name(fields: dict[str, Any]) -> dict[str, Any]:`. It is given the "
        "fields as they are in JSON, and returns all of them as the other version has them; what "
        "it raises, or leaves out, sets the event aside. It computes and does nothing else: no "
        "files, no clock, no chance. It may import `collections`, `collections.abc`, `datetime`, "
        "`decimal`, `math`, `re`, `string`, `typing`, `unicodedata` and `uuid`. The file is read "
        "and copied into the generated package as it is; generating never executes it.",
        Record(Functions),
        name="custom",
        example="custom: {up: tidy_address, down: untidy_address}",
    )
    node: Node = _node()


Op: TypeAlias = (
    Rename
    | Add
    | Drop
    | Convert
    | MapEnum
    | Split
    | Merge
    | Nest
    | Hoist
    | Wrap
    | Head
    | In
    | Each
    | Format
    | Compute
    | FromEnvelope
    | Custom
)

OPS: Mapping[str, type[Model]] = MappingProxyType(
    {
        "rename": Rename,
        "add": Add,
        "drop": Drop,
        "convert": Convert,
        "map_enum": MapEnum,
        "split": Split,
        "merge": Merge,
        "nest": Nest,
        "hoist": Hoist,
        "wrap": Wrap,
        "head": Head,
        "in": In,
        "each": Each,
        "format": Format,
        "compute": Compute,
        "from_envelope": FromEnvelope,
        "custom": Custom,
    }
)
"""Every op by the word that the spec has for it."""

_OP = Variants(OPS)
_NAMES = {model: name for name, model in OPS.items()}


def op_name(op: Op) -> str:
    """Return the word that the spec has for an op."""
    return _NAMES[type(op)]


def walk(ops: tuple[Op, ...]) -> Iterator[Op]:
    """Yield ops, and those inside of them."""
    for op in ops:
        yield op
        if isinstance(op, In | Each):
            yield from walk(op.inner.do)
