"""What datamodel-code-generator makes of forms, what is believed of it, and the values put in."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from headwater_generator.grammar import (
    CONSTRAINTS,
    Field,
    ListOf,
    MapOf,
    Named,
    Nullable,
    Scalar,
    TypeExpression,
)
from headwater_generator.model import annotations as module
from headwater_generator.model.annotations import Annotation, AnnotationError, Annotations
from headwater_generator.model.forms import REPRESENTATIVES, Form

INT = Field(type=Scalar("int"))
BOUNDED = Field(type=Scalar("int"), constraints={"minimum": 1})


def forms(fields: Iterable[Field]) -> list[Form]:
    return [Form.of_field(field)[0] for field in fields]


def annotated(*fields: Field) -> list[Annotation]:
    annotations = Annotations()
    annotations.resolve(forms(fields))
    return [annotations.of_field(field) for field in fields]


def put_in(field: Field) -> dict[str, str]:
    [annotation] = annotated(field)
    return dict(annotation.constraints)


def told(annotations: Annotations, field: Field) -> str:
    return ast.unparse(annotations.of_field(field).type)


def test_every_type_has_its_annotation() -> None:
    fields = {
        "str": Field(type=Scalar("string")),
        "int": Field(type=Scalar("int")),
        "float": Field(type=Scalar("float")),
        "bool": Field(type=Scalar("bool")),
        "Decimal": Field(type=Scalar("decimal")),
        "UUID": Field(type=Scalar("uuid")),
        "date": Field(type=Scalar("date")),
        "time": Field(type=Scalar("time")),
        "AwareDatetime": Field(type=Scalar("datetime")),
        "timedelta": Field(type=Scalar("duration")),
        "bytes": Field(type=Scalar("bytes")),
        "EmailStr": Field(type=Scalar("email")),
        "Uri": Field(type=Scalar("uri")),
        "JsonValue": Field(type=Scalar("json")),
        "list[str]": Field(type=ListOf(Scalar("string"))),
        "dict[str, int]": Field(type=MapOf(Scalar("int"))),
        "list[dict[str, Ref0 | None]]": Field(type=ListOf(MapOf(Nullable(Named("Role"))))),
        "dict[str, list[JsonValue | None]]": Field(type=MapOf(ListOf(Nullable(Scalar("json"))))),
        "Ref0": Field(type=Named("Place")),
    }
    answers = annotated(*fields.values())

    assert [ast.unparse(one.type) for one in answers] == list(fields)
    assert [one.references for one in answers if one.references] == [("Role",), ("Place",)]


def test_every_constraint_becomes_an_argument_and_none_a_class_of_its_own() -> None:
    length = {"minLength": 1, "maxLength": 9}
    fields = [
        Field(type=Scalar("string"), constraints={**length, "pattern": "^a"}),
        Field(type=Nullable(Scalar("string")), constraints={"minLength": 2}),
        Field(
            type=Scalar("int"),
            constraints={"multipleOf": 5, "exclusiveMaximum": 10, "minimum": 0},
        ),
        Field(type=Nullable(Scalar("decimal")), constraints={"exclusiveMinimum": 0.5}),
        Field(type=ListOf(Scalar("int")), constraints={"minItems": 1, "uniqueItems": True}),
        Field(
            type=Nullable(MapOf(Scalar("int"))),
            constraints={"minProperties": 1, "maxProperties": 2},
        ),
        Field(type=Scalar("uri"), constraints={"maxLength": 9}),
        Field(type=Scalar("email"), constraints=length),
        Field(type=Scalar("bytes"), constraints=length),
    ]

    assert [(ast.unparse(one.type), one.constraints) for one in annotated(*fields)] == [
        ("str", (("min_length", "1"), ("max_length", "9"), ("pattern", '"^a"'))),
        ("str", (("min_length", "2"),)),
        ("int", (("ge", "0"), ("lt", "10"), ("multiple_of", "5"))),
        ("Decimal", (("gt", "0.5"),)),
        ("list[int]", (("min_length", "1"),)),
        ("dict[str, int]", (("min_length", "1"), ("max_length", "2"))),
        ("Uri", (("max_length", "9"),)),
        ("EmailStr", (("min_length", "1"), ("max_length", "9"))),
        ("bytes", (("min_length", "1"), ("max_length", "9"))),
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z\"'\\\\]+$",
        "\\d{3}\\.\\\\",
        "\"\"\"'''",
        "line\nbreak\t\u2028\u00e9\U0001f600",
        "{{ field }} {% if %}",
        str(REPRESENTATIVES["pattern"]),
    ],
)
def test_a_pattern_comes_out_exactly(pattern: str) -> None:
    found = put_in(Field(type=Scalar("string"), constraints={"pattern": pattern}))

    assert ast.literal_eval(found["pattern"]) == pattern


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("int", 0, "0"),
        ("int", -7, "-7"),
        ("int", 2**63 - 1, "9223372036854775807"),
        ("int", REPRESENTATIVES["maximum"], "89"),
        ("float", 0, "0.0"),
        ("float", -7, "-7.0"),
        ("float", -0.25, "-0.25"),
        ("float", 1e300, "1e+300"),
        ("float", 2**53 + 1, "9007199254740993"),  # no float is that number
        ("float", 2**63 - 1, "9223372036854775807"),
        ("decimal", 3, "3"),
        ("decimal", -0.1, "-0.1"),
    ],
)
def test_a_number_comes_out_exactly(kind: str, value: float, written: str) -> None:
    field = Field(type=Scalar(kind), constraints={"maximum": value})

    assert put_in(field) == {"le": written}


def test_every_constraint_of_every_type_can_stand_beside_all_others() -> None:
    types: dict[str, TypeExpression] = {kind: Scalar(kind) for kind in CONSTRAINTS}
    types |= {"list": ListOf(Named("Role")), "map": MapOf(Nullable(Scalar("json")))}
    fields = [
        Field(type=types[kind], constraints=dict.fromkeys(names, 1))
        for kind, names in CONSTRAINTS.items()
    ]

    assert [len(one.constraints) for one in annotated(*fields)] == [
        len(set(names) - {"uniqueItems"}) for names in CONSTRAINTS.values()
    ]


@pytest.mark.parametrize("members", [["ByMail"], ["ByMail", "ByPhone"], ["A", "B", "C", "D"]])
def test_a_union_is_asked_for_by_the_number_of_its_members(members: Sequence[str]) -> None:
    form, references = Form.of_union(members)
    annotations = Annotations()
    annotations.resolve([form])

    names = " | ".join(f"Ref{index}" for index in range(len(members)))
    assert ast.unparse(annotations.of_union(members).type) == form.text == names
    assert references == tuple(members)


def test_fields_that_differ_in_names_and_values_only_share_a_form() -> None:
    """So hundreds of events ask for a few dozen."""
    fields = [
        Field(type=Named("Role"), description="Prose."),
        Field(type=Nullable(Named("Place")), default=None, personal=True),
        Field(type=Scalar("string"), constraints={"maxLength": 1, "pattern": "a"}),
        Field(type=Scalar("string"), constraints={"pattern": "b", "maxLength": 2}),
        Field(type=ListOf(Scalar("int")), constraints={"uniqueItems": True}),
        Field(type=ListOf(Scalar("int"))),
    ]

    assert [form.text for form in forms(fields)] == [
        "Ref0", "Ref0",
        "string maxLength pattern", "string maxLength pattern",
        "list<int>", "list<int>",
    ]  # fmt: skip
    assert Annotations().resolve(forms(fields)) == 3


def test_nothing_of_a_spec_but_types_reaches_the_library() -> None:
    field = Field(
        type=Named("Evil"),
        description="evil",
        default="evil",
        personal=True,
        constraints={"pattern": "evil", "minLength": 666},
    )
    form, _ = Form.of_field(field)

    assert "evil" not in f"{form.text} {form.schema()}".lower()
    assert "666" not in f"{form.text} {form.schema()}"


def test_what_is_cached_is_not_asked_for_again(tmp_path: Path) -> None:
    cache = tmp_path / "annotations.jsonl"
    other = Field(type=BOUNDED.type, constraints={"minimum": 8})
    unseen = Field(type=BOUNDED.type, constraints={"maximum": 8})

    assert Annotations(cache).resolve(forms([INT, BOUNDED])) == 2
    assert Annotations(cache).resolve(forms([INT, BOUNDED, other])) == 0
    assert Annotations(cache).resolve(forms([INT, BOUNDED, unseen])) == 1
    assert Annotations(cache).resolve(forms([unseen])) == 0


def test_a_cache_that_is_only_read_stays_as_it_is(tmp_path: Path) -> None:
    cache = tmp_path / "annotations.jsonl"
    annotations = Annotations(cache, read_only=True)

    assert annotations.resolve(forms([INT])) == 1
    assert not cache.exists()


def test_forms_out_of_use_are_dropped_only_where_they_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHE_LIMIT", 2)
    cache = tmp_path / "annotations.jsonl"
    kinds = [Field(type=Scalar(kind)) for kind in ("int", "string", "bool", "uuid")]

    Annotations(cache).resolve(forms(kinds[:1]))
    Annotations(cache).resolve(forms(kinds[1:2]))
    assert Annotations(cache).resolve(forms(kinds[:2])) == 0
    Annotations(cache).resolve(forms(kinds[1:]))
    assert Annotations(cache).resolve(forms(kinds[1:])) == 0
    assert len(cache.read_text().splitlines()) == 3
    assert Annotations(cache).resolve(forms(kinds[:1])) == 1


@pytest.mark.parametrize(
    "planted",
    [
        "__import__(1)",
        "Annotated[int, Field(ge=1)]",
        "Annotated[int, Field(ge=5, ge=5)]",
        "Annotated[int, Field(ge=5, le=89)]",
        "Annotated[int, Field(ge=True)]",
        "Annotated[int, Field(ge='5')]",
        "Annotated[int, Field(ge=5.0)]",
        "Annotated[int, Field(gt=5)]",
        "Annotated[int, Field(5)]",
        "Annotated[int, Field(**{'ge': 5})]",
        "Annotated[int, Field(ge=print(5))]",
        "Annotated[int, Other(ge=5)]",
        "Annotated[str, Field(ge=5)]",
        "Annotated[Ref0, Field(ge=5)]",
        "Annotated[int | None, Field(ge=5)]",
        "Annotated[list[int], Field(ge=5)]",
        "int",
        "int if 1 else str",
        "Any",
        "",
        "int]",
        "-" * 20_000 + "1",
        5,
        None,
    ],
)
def test_a_wrong_answer_planted_in_the_cache_is_refused(tmp_path: Path, planted: object) -> None:
    cache = tmp_path / "annotations.jsonl"
    Annotations(cache).resolve(forms([BOUNDED]))
    key, answer = json.loads(cache.read_text())
    cache.write_text(json.dumps([key, planted]) + "\n")
    annotations = Annotations(cache)

    assert answer == "Annotated[int, Field(ge=5)]"
    assert annotations.resolve(forms([BOUNDED])) == 1
    assert told(annotations, BOUNDED) == "int"
    assert json.loads(cache.read_text()) == [key, answer]


@pytest.mark.parametrize(
    "line", ["", "{", "[]", '["key"]', '{"a": 1, "b": 2}', "5", "\x00", "[" * 9999]
)
def test_a_damaged_line_of_the_cache_is_passed_over(tmp_path: Path, line: str) -> None:
    cache = tmp_path / "annotations.jsonl"
    Annotations(cache).resolve(forms([INT]))
    cache.write_text(f"{line}\n{cache.read_text()}")

    assert Annotations(cache).resolve(forms([INT])) == 0


@pytest.mark.parametrize(
    "answer",
    [
        "class Probe(BaseModel):\n    f0: eval('1')",
        "class Probe(BaseModel):\n    f0: int",
        "class Probe(BaseModel):\n    f0: Annotated[int, Field(ge=1)]",
        "class Probe(BaseModel):\n    f0: Annotated[int, Field(ge=5, default_factory=print)]",
        "class Probe(BaseModel):\n    f0: Annotated[int, Field(ge=5)]\n    f1: int",
        "class Probe(BaseModel):\n    f1: Annotated[int, Field(ge=5)]",
        "class Probe(BaseModel):\n    f0: Annotated[int, Field(ge=5)] = print()",
        "class Probe(BaseModel):\n    def f0(self): ...",
        "class Other(BaseModel):\n    f0: Annotated[int, Field(ge=5)]",
        "class Probe(BaseModel):\n    f0: Annotated[int, Field(ge=5)]\nclass F0(BaseModel): ...",
        "class Probe(BaseModel):\n    f0: Literal['x']",
    ],
)
def test_an_answer_that_the_form_does_not_account_for_is_refused(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    import datamodel_code_generator

    monkeypatch.setattr(datamodel_code_generator, "generate", lambda text, config: answer)

    with pytest.raises(AnnotationError):
        Annotations().resolve(forms([BOUNDED]))


def test_another_version_of_the_library_is_another_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache = tmp_path / "annotations.jsonl"
    Annotations(cache).resolve(forms([INT]))
    monkeypatch.setattr(module, "_library", lambda: ["another version"])

    assert Annotations(cache).resolve(forms([INT])) == 1
    assert len(cache.read_text().splitlines()) == 2
