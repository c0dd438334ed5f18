"""What datamodel-code-generator makes of types, and what is believed of it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from headwater_generator.grammar import Field, ListOf, MapOf, Named, Nullable, Scalar
from headwater_generator.model import annotations as module
from headwater_generator.model.annotations import AnnotationError, Annotations, Shape


def told(annotations: Annotations, shape: Shape) -> list[str]:
    return [ast.unparse(one.type) for one in annotations.fields(shape)]


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
        "Ref1": Field(type=Named("Place")),
    }
    shape = Shape.of_fields(fields.values())
    annotations = Annotations()
    annotations.resolve([shape])

    assert told(annotations, shape) == list(fields)
    assert shape.references == ("Role", "Place")


def test_every_constraint_becomes_an_argument_and_none_a_class_of_its_own() -> None:
    length = {"minLength": 1, "maxLength": 9}
    fields = [
        Field(type=Scalar("string"), constraints={**length, "pattern": "^[a-z\"'\\\\]+$"}),
        Field(type=Nullable(Scalar("string")), constraints={"minLength": 2}),
        Field(
            type=Scalar("int"),
            constraints={"minimum": 0, "exclusiveMaximum": 10, "multipleOf": 5},
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
    shape = Shape.of_fields(fields)
    annotations = Annotations()
    annotations.resolve([shape])

    assert [
        (
            ast.unparse(one.type),
            {name: ast.literal_eval(value) for name, value in one.constraints},
        )
        for one in annotations.fields(shape)
    ] == [
        ("str", {"min_length": 1, "max_length": 9, "pattern": "^[a-z\"'\\\\]+$"}),
        ("str", {"min_length": 2}),
        ("int", {"ge": 0, "lt": 10, "multiple_of": 5}),
        ("Decimal", {"gt": 0.5}),
        ("list[int]", {"min_length": 1}),
        ("dict[str, int]", {"min_length": 1, "max_length": 2}),
        ("Uri", {"max_length": 9}),
        ("EmailStr", {"min_length": 1, "max_length": 9}),
        ("bytes", {"min_length": 1, "max_length": 9}),
    ]


def test_enums_keep_their_values_and_unions_their_members() -> None:
    values = ("low", "N/A", "None", "quo\"te'\\", "\u00e9")
    enum, union = Shape.of_enum(values), Shape.of_union(["ByMail", "ByPhone"])
    annotations = Annotations()
    annotations.resolve([enum, union])

    assert annotations.values(enum) == values
    assert ast.unparse(annotations.union(union).type) == "Ref0 | Ref1"


def test_definitions_of_the_same_shape_are_asked_for_once() -> None:
    """Names take no part, so a thousand events of one shape cost what one costs."""
    one = Shape.of_fields(
        [Field(type=Named("Role"), description="Prose."), Field(type=Scalar("int"))]
    )
    other = Shape.of_fields([Field(type=Named("Place")), Field(type=Scalar("int"), default=1)])

    assert one.key == other.key
    assert Annotations().resolve([one, other]) == 1


def test_prose_names_and_defaults_never_reach_the_library() -> None:
    field = Field(type=Named("Evil"), description="evil", default="evil", personal=True)

    assert "evil" not in str(Shape.of_fields([field]).schema).lower()


def test_what_is_cached_is_not_asked_for_again(tmp_path: Path) -> None:
    cache = tmp_path / "annotations.jsonl"
    shapes = [Shape.of_fields([Field(type=Scalar("int"))]), Shape.of_enum(["a", "b"])]

    assert Annotations(cache).resolve(shapes) == 2
    assert Annotations(cache).resolve(shapes) == 0
    changed = Shape.of_enum(["a", "b", "c"])
    assert Annotations(cache).resolve([*shapes, changed]) == 1


@pytest.mark.parametrize(
    "planted",
    [
        '"__import__(1)"',
        '"int", "int"',
        '"Annotated[int, Field(ge=1)]"',
        "5",
        '"int if 1 else str"',
        '"Any"',
    ],
)
def test_a_cache_that_was_tampered_with_is_not_believed(tmp_path: Path, planted: str) -> None:
    cache = tmp_path / "annotations.jsonl"
    shape = Shape.of_fields([Field(type=Scalar("int"))])
    Annotations(cache).resolve([shape])
    cache.write_text(cache.read_text().replace('"int"', planted))
    annotations = Annotations(cache)

    assert annotations.resolve([shape]) == 1
    assert told(annotations, shape) == ["int"]


@pytest.mark.parametrize(
    "answer",
    [
        "class Shape0(BaseModel):\n    f0: eval('1')",
        "class Shape0(BaseModel):\n    f0: Annotated[int, Field(ge=2)]",
        "class Shape0(BaseModel):\n    f0: Annotated[int, Field(ge=1, default_factory=print)]",
        "class Shape0(BaseModel):\n    f0: int\n    f1: int",
        "class Shape0(BaseModel):\n    f1: Annotated[int, Field(ge=1)]",
        "class Shape0(BaseModel):\n    f0: Annotated[int, Field(ge=1)] = print()",
        "class Shape0(BaseModel):\n    def f0(self): ...",
        "class Other(BaseModel):\n    f0: Annotated[int, Field(ge=1)]",
        "class Shape0(BaseModel):\n    f0: Literal['x']",
    ],
)
def test_an_answer_that_the_schema_does_not_account_for_is_refused(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    import datamodel_code_generator

    monkeypatch.setattr(datamodel_code_generator, "generate", lambda text, config: answer)
    shape = Shape.of_fields([Field(type=Scalar("int"), constraints={"minimum": 1})])

    with pytest.raises(AnnotationError):
        Annotations().resolve([shape])


def test_another_version_of_the_library_is_another_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Shape.of_enum(["a"]).key
    monkeypatch.setattr(module, "_library", lambda: ["another version"])

    assert Shape.of_enum(["a"]).key != before
