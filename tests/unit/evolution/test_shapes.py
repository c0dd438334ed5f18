"""Expanded shapes: what counts, what is written down, and what people read."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from headwater_generator.check import load_specs
from headwater_generator.evolution import (
    FieldShape,
    NullableShape,
    ObjectShape,
    RecursiveShape,
    ScalarShape,
    canonical,
    digest,
    shape_of_fields,
    shape_of_type,
    show_shape,
)
from headwater_generator.grammar import Spec

SPEC = """\
headwater: 1
service: user-service
types:
  Role: {enum: [member, admin]}
  Post: {enum: [member, admin]}
  Address: {fields: {street: string, zip: {type: string, maxLength: 9, minLength: 1}}}
  Contact: {one_of: [Phone, Mail], tag: kind}
  Mail: {fields: {address: email}}
  Phone: {fields: {number: string}}
  Folder: {fields: {name: string, parent: Folder | null, children: list<Folder>}}
  Tree: {fields: {name: string, parent: Tree | null, children: list<Tree>}}
commands:
  Put:
    stream: things
    fields: FIELDS
streams: {things: {type: persistent}}
workflows: {Thing: {stream: things, events: {ThingPut: {}}}}
"""


def spec_with(folder: Path, fields: str) -> Spec:
    path = folder / "spec.yaml"
    path.write_text(SPEC.replace("FIELDS", fields), encoding="utf-8")
    [spec] = load_specs([path], folder)
    return spec


def expand(folder: Path, fields: str) -> ObjectShape:
    spec = spec_with(folder, fields)
    return shape_of_fields(spec.commands["Put"].fields, spec.types)


def test_the_canonical_form_is_plain_data_with_every_type_expanded(tmp_path: Path) -> None:
    shape = expand(
        tmp_path,
        "{role: {type: Role, default: member}, "
        "address: {type: Address | null, personal: true, description: Where to.}, "
        "scores: {type: 'map<list<int>>', maxProperties: 3}, contact: Contact}",
    )

    assert canonical(shape) == {
        "fields": {
            "role": {"shape": {"enum": ["member", "admin"]}, "default": "member"},
            "address": {
                "shape": {
                    "nullable": {
                        "fields": {
                            "street": {"shape": {"type": "string"}},
                            "zip": {"shape": {"type": "string", "maxLength": 9, "minLength": 1}},
                        }
                    }
                },
                "default": None,
                "personal": True,
            },
            "scores": {"shape": {"map": {"list": {"type": "int"}}, "maxProperties": 3}},
            "contact": {
                "shape": {
                    "one_of": {
                        "Mail": {"fields": {"address": {"shape": {"type": "email"}}}},
                        "Phone": {"fields": {"number": {"shape": {"type": "string"}}}},
                    },
                    "tag": "kind",
                }
            },
        }
    }
    assert json.loads(json.dumps(canonical(shape))) == canonical(shape)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{a: Role}", "{a: Post}"),
        ("{a: Folder}", "{a: Tree}"),
        ("{a: {type: int, description: One.}}", "{a: {type: int, description: Other.}}"),
        ("{a: string | null}", "{a: {type: string | null, default: null}}"),
        (
            "{a: {type: string, minLength: 1, maxLength: 2}}",
            "{a: {type: string, maxLength: 2, minLength: 1}}",
        ),
    ],
)
def test_names_of_types_and_words_do_not_count(tmp_path: Path, one: str, other: str) -> None:
    mine, others = expand(tmp_path, one), expand(tmp_path, other)

    assert mine == others
    assert digest(mine) == digest(others)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{a: int, b: int}", "{b: int, a: int}"),
        ("{a: int}", "{a: float}"),
        ("{a: string}", "{a: string | null}"),
        ("{a: {type: int, minimum: 1}}", "{a: int}"),
        ("{a: {type: string, personal: true}}", "{a: string}"),
        ("{a: {type: int, default: 1}}", "{a: int}"),
        ("{a: {type: json, default: 1}}", "{a: {type: json, default: true}}"),
        ("{a: {type: json, default: 1}}", "{a: {type: json, default: 1.0}}"),
        ("{a: list<int>}", "{a: map<int>}"),
        ("{a: Mail}", "{a: Phone}"),
    ],
)
def test_what_is_on_the_wire_counts(tmp_path: Path, one: str, other: str) -> None:
    mine, others = expand(tmp_path, one), expand(tmp_path, other)

    assert mine != others
    assert digest(mine) != digest(others)


def test_a_type_inside_itself_is_named_by_how_far_out_it_is(tmp_path: Path) -> None:
    folder = shape_of_type("Folder", spec_with(tmp_path, "{a: Folder}").types)

    assert isinstance(folder, ObjectShape)
    assert folder.fields["parent"] == FieldShape(NullableShape(RecursiveShape(1)), None)
    assert "recursive" in json.dumps(canonical(folder))
    assert show_shape(folder.fields["children"].shape) == "list<Folder>"


def test_a_required_field_has_no_default(tmp_path: Path) -> None:
    shape = expand(tmp_path, "{a: int, b: int | null, c: {type: int, default: 1}}")

    assert [one.is_required for one in shape.fields.values()] == [True, False, False]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Role", "Role"),
        ("list<Role | null>", "list<Role | null>"),
        ("map<Address> | null", "map<Address> | null"),
        ("Contact", "Contact"),
        ("{type: string, minLength: 1}", "string (minLength: 1)"),
    ],
)
def test_a_shape_reads_as_a_spec_would_write_it(tmp_path: Path, written: str, shown: str) -> None:
    shape = expand(tmp_path, textwrap.dedent(f"{{a: {written}}}"))

    assert show_shape(shape.fields["a"].shape) == shown


def test_a_shape_without_a_name_reads_as_what_is_in_it() -> None:
    shape = ObjectShape({"a": FieldShape(ScalarShape("int"))})

    assert show_shape(shape) == "an object with a"
    assert show_shape(ObjectShape({})) == "an object with no fields"
