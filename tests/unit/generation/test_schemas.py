"""JSON Schemas of events: what they say about the wire."""

from __future__ import annotations

from dataclasses import replace

from headwater_generator.grammar import (
    EnumType,
    Event,
    Field,
    ListOf,
    MapOf,
    Named,
    Nullable,
    ObjectType,
    Scalar,
    Spec,
    Stream,
    UnionType,
    Workflow,
)
from headwater_generator.model.versions import versions_of
from headwater_generator.outputs.schemas import schema_of
from jsonschema import Draft202012Validator

SPEC = Spec(
    headwater=1,
    service="shop",
    path="spec/shop.yaml",
    streams={"log": Stream(type="persistent")},
    types={
        "Grade": EnumType(values=("low", "high")),
        "Mail": ObjectType(fields={"address": Field(type=Scalar("email"))}),
        "Phone": ObjectType(fields={"number": Field(type=Scalar("string"))}),
        "Contact": UnionType(members=("Mail", "Phone"), tag="kind"),
        "Unused": EnumType(values=("x",)),
    },
)


def schema(**fields: Field) -> dict[str, object]:
    sold = Event(description="It was sold.", fields=fields)
    spec = replace(SPEC, workflows={"Sale": Workflow(stream="log", events={"Sold": sold})})
    [version] = versions_of(spec)
    return schema_of(spec, version)


def test_a_schema_names_itself_and_brings_the_types_it_needs() -> None:
    made = schema(contacts=Field(type=ListOf(Named("Contact"))))

    Draft202012Validator.check_schema(made)
    assert made["$id"] == "urn:headwater:shop:Sold:1"
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["description"] == "It was sold."
    assert list(made["$defs"]) == ["Mail", "Phone", "Contact"]  # type: ignore[call-overload]


def test_personal_fields_are_marked_and_defaults_are_not_required() -> None:
    made = schema(
        name=Field(type=Scalar("string"), personal=True, constraints={"minLength": 1}),
        note=Field(type=Nullable(Scalar("string"))),
        count=Field(type=Scalar("int"), default=1),
    )

    assert made["required"] == ["name"]
    assert made["properties"] == {
        "name": {"type": "string", "minLength": 1, "x-personal": True},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "count": {"type": "integer", "default": 1},
    }


def test_an_event_is_closed_and_a_union_told_apart_by_its_tag() -> None:
    validator = Draft202012Validator(
        schema(
            grade=Field(type=Named("Grade")),
            contact=Field(type=Named("Contact")),
            scores=Field(type=MapOf(Scalar("float"))),
        )
    )
    event = {
        "grade": "low",
        "contact": {"kind": "Mail", "address": "a@example.com"},
        "scores": {"a": 0.5},
    }

    assert validator.is_valid(event)
    assert not validator.is_valid({**event, "more": 1})
    assert not validator.is_valid({**event, "grade": "middle"})
    assert not validator.is_valid({**event, "contact": {"address": "a@example.com"}})
    assert not validator.is_valid({**event, "contact": {"kind": "Phone", "address": "x"}})


def test_what_is_text_on_the_wire_keeps_its_limits_beside_the_rules_for_text() -> None:
    made = schema(
        price=Field(type=Scalar("decimal"), constraints={"minimum": 0}),
        blob=Field(type=Scalar("bytes"), constraints={"maxLength": 3}),
    )
    validator = Draft202012Validator(made)

    assert validator.is_valid({"price": "9.90", "blob": "aGVsbG8="})
    assert not validator.is_valid({"price": "nine", "blob": ""})
    assert made["properties"]["price"]["x-minimum"] == 0  # type: ignore[index]
    assert made["properties"]["blob"] == {  # type: ignore[index]
        "type": "string", "contentEncoding": "base64", "x-maxLength": 3,
    }  # fmt: skip
