"""Values and prose of a spec in code: they come out as they went in, and as nothing else."""

from __future__ import annotations

import ast

import pytest
from headwater_generator.grammar import (
    EnumType,
    Field,
    ListOf,
    MapOf,
    Named,
    Nullable,
    ObjectType,
    Scalar,
    TypeDeclaration,
    TypeExpression,
    UnionType,
)
from headwater_generator.model.literals import default_of, literal
from headwater_generator.model.scope import Scope
from headwater_generator.outputs.templates import docstring, markdown, plain
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip
HOSTILE = [
    '"""', '\\', '\\"""', '"', 'ends with "', "ends with \\", "\r", "a\rb", "a\x0cb", "a\x0bb",
    "a\x85b", "a\u2028b", "a\u2029b", "a\x00b", "{{ x }}", "{% raw %}", "\\N{BULLET}", "\\x41",
    '"""\nimport os\n"""', "\u202egnp", "caf\u00e9", "# noqa", "'''", "  indented", "\ttab",
]  # fmt: skip

TYPES: dict[str, TypeDeclaration] = {
    "Role": EnumType(values=("member", "very-high")),
    "Place": ObjectType(
        fields={"street": Field(type=Scalar("string")), "class": Field(type=Scalar("int"))}
    ),
    "Mail": ObjectType(fields={"address": Field(type=Scalar("email"))}),
    "Contact": UnionType(members=("Mail", "Place"), tag="kind"),
}


@given(JSON)
def test_a_literal_is_read_back_as_the_value(value: object) -> None:
    assert ast.literal_eval(literal(value)) == value


@given(st.text())
def test_a_literal_is_one_printable_line(text: str) -> None:
    assert literal(text).isprintable()


@given(st.binary())
def test_bytes_are_read_back(value: bytes) -> None:
    assert ast.literal_eval(literal(value)) == value


def test_lone_surrogates_and_characters_beyond_the_first_plane_survive() -> None:
    text = "\ud800 \U0001f600 \U000e0001"

    assert ast.literal_eval(literal(text)) == text


@given(st.text())
@pytest.mark.parametrize("indent", [0, 4, 8])
def test_a_docstring_stays_one_docstring(indent: int, text: str) -> None:
    holds_one_docstring(text, indent)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_prose_stays_one_docstring(text: str) -> None:
    holds_one_docstring(text, 4)
    holds_one_docstring(f"x {text}", 4)
    holds_one_docstring(f"{text} x " * 40, 4)


def holds_one_docstring(text: str, indent: int) -> None:
    margin = " " * indent
    source = f'class A:\n{margin or " "}"""{docstring(text, indent, width=88)}"""\n'
    [statement] = ast.parse(source).body
    assert isinstance(statement, ast.ClassDef)
    [inner] = statement.body
    assert isinstance(inner, ast.Expr)
    assert isinstance(inner.value, ast.Constant)
    told = inner.value.value
    assert isinstance(told, str)
    # The same words: white space is laid out anew, what cannot be printed is told by its code.
    words = "".join(character for character in text if character.isprintable()).split()
    assert "".join(words) in "".join(told.split()) or not text.isprintable()


def test_prose_is_broken_to_the_width_and_keeps_its_lines() -> None:
    text = f"{'word ' * 30}\n- one\n- two"

    lines = docstring(text, 4, width=60).splitlines()

    assert max(map(len, lines)) <= 60
    assert "    - one" in lines
    assert lines[-1] == "    "


def test_one_short_line_stays_one_line() -> None:
    assert docstring("A user exists.", 4, width=88) == "A user exists."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a | b", "a \\| b"),
        ("<script>", "\\<script\\>"),
        ("[x](javascript:y)", "\\[x\\]\\(javascript:y\\)"),
        ("two\nlines", "two lines"),
        ("`code`", "\\`code\\`"),
    ],
)
def test_markdown_shows_the_characters_themselves(text: str, shown: str) -> None:
    assert markdown(text) == shown


def test_an_odd_path_is_escaped_in_comments() -> None:
    assert plain("spec/user_service.yaml") == "spec/user_service.yaml"
    assert "\n" not in plain("spec/a\nimport os.yaml")


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        (Scalar("string"), "it's", '"it\'s"'),
        (Scalar("int"), -1, "-1"),
        (Scalar("float"), 1, "1.0"),
        (Scalar("bool"), True, "True"),
        (Scalar("decimal"), "9.90", 'Decimal("9.90")'),
        (Scalar("decimal"), 3, 'Decimal("3")'),
        (Scalar("date"), "2026-01-31", "date(2026, 1, 31)"),
        (Scalar("time"), "12:30:00", "time(12, 30)"),
        (Scalar("time"), "12:30:00Z", "time(12, 30, tzinfo=UTC)"),
        (
            Scalar("time"),
            "12:30:05+01:00",
            "time(12, 30, 5, tzinfo=timezone(timedelta(seconds=3600)))",
        ),
        (Scalar("datetime"), "2026-01-31T12:30:00Z", "datetime(2026, 1, 31, 12, 30, tzinfo=UTC)"),
        (
            Scalar("datetime"),
            "2026-01-31T01:00:00.5+02:00",
            "datetime(2026, 1, 30, 23, 0, 0, 500000, tzinfo=UTC)",
        ),
        (Scalar("duration"), "90s", "timedelta(seconds=90)"),
        (Scalar("duration"), "PT1M30S", "timedelta(seconds=90)"),
        (Scalar("duration"), "P1DT0.5S", "timedelta(days=1, microseconds=500000)"),
        (Scalar("duration"), "PT0S", "timedelta()"),
        (Scalar("bytes"), "aGVsbG8=", 'b"hello"'),
        (Scalar("bytes"), "/w==", "b'\\xff'"),
        (Scalar("json"), {"a": [None, True]}, '{"a": [None, True]}'),
        (Nullable(Scalar("int")), None, "None"),
        (Nullable(Scalar("int")), 1, "1"),
        (ListOf(Scalar("string")), ["a"], '["a"]'),
        (MapOf(Scalar("int")), {"a": 1}, '{"a": 1}'),
        (Named("Role"), "very-high", "Role.VERY_HIGH"),
        (ListOf(Named("Role")), ["member"], "[Role.MEMBER]"),
        (Named("Place"), {"street": "x", "class": 1}, 'Place(street="x", class_=1)'),
        (Named("Contact"), {"kind": "Mail", "address": "a@b.c"}, 'Mail(address="a@b.c")'),
    ],
)
def test_a_default_is_a_value_of_its_type(
    expression: TypeExpression, value: object, expected: str
) -> None:
    default = default_of(expression, value, types=TYPES, scope=Scope(), types_module=None)

    assert default.expression == expected
    assert default.is_mutable == expected.startswith(("[", "{", "Place(", "Mail("))


def test_a_uuid_in_another_spelling_is_the_same_uuid() -> None:
    spelled = "{00000000-0000-0000-0000-00000000000A}"

    default = default_of(Scalar("uuid"), spelled, types={}, scope=Scope(), types_module=None)

    assert default.expression == 'UUID("00000000-0000-0000-0000-00000000000a")'
