"""The JSON Schema for editors and the reference, both rendered from the grammar."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from headwater.schema import FORMAT
from headwater_generator.check import load_specs
from headwater_generator.grammar import SharedTypes, Spec
from headwater_generator.grammar.containers import read_record
from headwater_generator.grammar.declare import Key, Model, keys_of
from headwater_generator.grammar.docs import main, render_docs
from headwater_generator.grammar.schema import models, schema
from headwater_generator.load import Source, load
from headwater_generator.problems import Problem

ROOT = Path(__file__).parents[3]
SPECS = ROOT / "tests" / "specs"
MODELS: list[type[Model]] = [Spec, SharedTypes, *models()]
KEYS = [(model, key) for model in MODELS for key in keys_of(model).values()]
# What every editor can see: keys, kinds, choices, bounds, cases.
STRUCTURAL = ("HW101", "HW102", "HW104", "HW105", "HW106", "HW108", "HW110", "HW111", "HW301")
# References and meanings are beyond a schema.
BEYOND = {
    "HW105-bounds",
    "HW102-nothing-but-a-stream",
    "HW108-one-file-imported-twice",
}


class Plain(yaml.CSafeLoader):
    """Reads YAML as editors do: no dates."""


Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if "timestamp" not in tag]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def plain(text: str) -> Any:
    return with_text_keys(yaml.load(text, Loader=Plain))  # noqa: S506 - a safe loader's child


def with_text_keys(value: Any) -> Any:
    """As editors see a document: keys are texts, those of versions too."""
    if isinstance(value, dict):
        return {str(key): with_text_keys(one) for key, one in value.items()}
    return [with_text_keys(one) for one in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("name", render_docs())
def test_the_committed_file_is_up_to_date(name: str) -> None:
    """`make generate` writes it."""
    assert (ROOT / name).read_text(encoding="utf-8") == render_docs()[name]


def test_the_sample_and_the_golden_specs_satisfy_the_schema(
    validator: jsonschema.Draft202012Validator,
) -> None:
    specs = [*ROOT.glob("spec/*.yaml"), *ROOT.glob("tests/golden/*/spec/**/*.yaml")]

    assert len(specs) > 3
    for path in specs:
        validator.validate(plain(path.read_text(encoding="utf-8")))


def test_the_sample_names_the_schema() -> None:
    first = (ROOT / "spec" / "user_service.yaml").read_text().splitlines()[0]

    reference = first.removeprefix("# yaml-language-server: $schema=")
    assert (ROOT / "spec" / reference).resolve() == ROOT / "docs" / "headwater.schema.json"


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in sorted(SPECS.iterdir())
        if case.name.startswith(STRUCTURAL)
        and case.name not in BEYOND
        and (case / "spec.yaml").exists()
    ],
    ids=lambda case: case.name,
)
def test_what_is_structurally_wrong_fails_the_schema_too(
    case: Path, validator: jsonschema.Draft202012Validator
) -> None:
    document = plain((case / "spec.yaml").read_text(encoding="utf-8"))

    assert not validator.is_valid(document)


@pytest.mark.parametrize(("model", "key"), KEYS, ids=lambda part: getattr(part, "name", ""))
def test_the_example_of_a_key_is_right(
    model: type[Model], key: Key, validator: jsonschema.Draft202012Validator
) -> None:
    problems: list[Problem] = []
    node = load(Source("example", key.example), problems)
    assert node is not None
    [entry] = node.entries
    key.shape.read(entry.value, problems, entry.key)

    assert entry.key.text == key.name
    assert problems == []
    part = schema() if model in {Spec, SharedTypes} else schema()["$defs"][model.__name__]
    document = plain(key.example)
    rest = {**part["properties"][key.name], "$defs": schema()["$defs"]}
    jsonschema.Draft202012Validator(rest).validate(document[key.name])


@pytest.mark.parametrize(("model", "key"), KEYS, ids=lambda part: getattr(part, "name", ""))
def test_a_key_says_what_it_means_and_what_holds_without_it(model: type[Model], key: Key) -> None:
    assert key.meaning.endswith(".")
    assert key.required == (not key.default)
    assert model.__doc__


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_in_the_reference(model: type[Model]) -> None:
    reference = render_docs()["docs/spec-reference.md"]

    for key in keys_of(model).values():
        assert f"| `{key.name}` |" in reference
        assert key.example in reference


FENCE = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(title, example, id=f"{title}-{number}")
    for section in render_docs()["docs/spec-reference.md"].split("\n## ")[1:]
    for title in section.splitlines()[:1]
    for number, example in enumerate(FENCE.findall(section), 1)
]
# Where the examples of a section stand in a spec.
AROUND = {
    "Enum": ("types", "Example"),
    "Object": ("types", "Example"),
    "Tagged union": ("types", "Example"),
    "Stream": ("streams", "users"),
    "Publication": ("streams", "users", "publish"),
    "Retention": ("streams", "users", "retention"),
    "Ceiling": ("streams", "users", "retention", "ceiling"),
    "Remote": ("remote", "audit-service"),
    "Remote stream": ("remote", "audit-service", "streams", "entries"),
    "Workflow": ("workflows", "Example"),
    "Event": ("workflows", "User", "events", "Example"),
    "Command": ("commands", "Ask"),
    "Subscription": ("subscriptions", "example"),
    "Field": ("types", "Example", "fields", "example"),
    "Offset": ("subscriptions", "example", "start"),
    "Timestamp": ("subscriptions", "example", "start"),
    "Retry": ("subscriptions", "example", "retry"),
    "Breaker": ("subscriptions", "example", "breaker"),
    "Backoff": ("subscriptions", "example", "retry", "backoff"),
    "Unread": ("subscriptions", "example", "unread"),
}
# The fields before an op and after it; some sections show what stands inside an op.
_ADDRESS, _PARTS = "{street: string, city: string}", "{first_name: string, last_name: string}"
AROUND_OPS = {
    "Rename": ("", "{mail: email}", "{email: email}"),
    "Add": ("", "{}", "{currency: string}"),
    "Drop": ("", "{nickname: string}", "{}"),
    "Convert": ("", "{amount: int}", "{amount: decimal}"),
    "Map enum": ("", "{status: Old}", "{status: New}"),
    "Enum mapping": ("map_enum", "{status: Old}", "{status: New}"),
    "Split": ("", "{name: string}", _PARTS),
    "Parting": ("split", "{name: string}", _PARTS),
    "Merge": ("", _PARTS, "{name: string}"),
    "Joining": ("merge", _PARTS, "{name: string}"),
    "Nest": ("", _ADDRESS, "{address: Address}"),
    "Nesting": ("nest", _ADDRESS, "{address: Address}"),
    "Hoist": ("", "{address: Address}", _ADDRESS),
    "Hoisting": ("hoist", "{address: Address}", _ADDRESS),
    "Wrap": ("", "{email: email}", "{email: list<email>}"),
    "Head": ("", "{emails: list<email>}", "{emails: email}"),
    "One field": ("wrap", "{email: email}", "{email: list<email>}"),
    "In": ("", "{address: Zip}", "{address: Postcode}"),
    "Inner ops": ("in", "{address: Zip}", "{address: Postcode}"),
    "Each": ("", "{lines: list<Amt>}", "{lines: list<Amount>}"),
    "Format": ("", "{user_id: int}", "{user_id: int, email: email}"),
    "Compute": ("", "{price: int, count: int}", "{price: int, count: int, total: int}"),
    "From envelope": ("", "{}", "{added_at: datetime}"),
    "Custom": ("", "{}", "{}"),
    "Custom functions": ("custom", "{}", "{}"),
}


def evolved(title: str, example: Any) -> dict[str, Any]:
    """An event with two versions that an example leads from and to."""
    inside, before, after = AROUND_OPS[title]
    op = {inside: example} if inside else example
    return {"fields": plain(after), "upcast": [op], "history": {"1": {"fields": plain(before)}}}


def service() -> dict[str, Any]:
    """A spec with all that the examples refer to."""
    return {
        "headwater": 1,
        "service": "user-service",
        "types": {
            "EmailContact": {"fields": {"address": "email"}},
            "PhoneContact": {"fields": {"number": "string"}},
            "Old": {"enum": ["open", "closed"]},
            "New": {"enum": ["todo", "done", "closed", "blocked"]},
            "Address": {"fields": {"street": "string", "city": "string"}},
            "Zip": {"fields": {"zip": "string"}},
            "Postcode": {"fields": {"postcode": "string"}},
            "Amt": {"fields": {"amt": "int"}},
            "Amount": {"fields": {"amount": "int"}},
        },
        "streams": {"users": {"type": "persistent"}},
        "workflows": {
            "User": {"stream": "users", "events": {"UserAdded": {}, "UserRemoved": {}}},
            "Invitation": {"stream": "users", "events": {"UserInvited": {}}},
            "Cart": {"stream": "users", "events": {"CartEmptied": {}}},
        },
        "commands": {},
        "subscriptions": {"example": {"stream": "users", "mode": "exclusive"}},
    }


def write_contract(root: Path) -> None:
    """Another service, by its spec and as a client package that is installed in the project."""
    contract = {
        "headwater": 1,
        "x-format": FORMAT,
        "service": "audit-service",
        "streams": {"entries": {"type": "persistent", "publish": True}},
        "workflows": {"Entry": {"stream": "entries", "events": {"EntryMade": {}}}},
    }
    packages = root / ".venv" / "lib" / "python3.11" / "site-packages" / "audit_service_client"
    packages.mkdir(parents=True)
    for path in (root / "audit_service.yaml", packages / "contract.yaml"):
        path.write_text(json.dumps(contract))


def test_the_reference_has_an_example_of_every_model() -> None:
    titles = {param.values[0] for param in EXAMPLES}

    others = {"Spec", "File of shared types", "Past version"}
    assert titles == {*AROUND, *AROUND_OPS, *others}


@pytest.mark.parametrize(("title", "example"), EXAMPLES)
def test_an_example_of_the_reference_is_right_as_a_whole(
    title: str, example: str, tmp_path: Path
) -> None:
    document = service()
    if title == "Spec":
        document = plain(example)
        write_contract(tmp_path)
        shared = "headwater: 1\ntypes: {Money: {fields: {amount: decimal}}}\n"
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared" / "money.yaml").write_text(shared)
    elif title == "File of shared types":
        document["imports"] = ["shared.yaml"]
        (tmp_path / "shared.yaml").write_text(example)
    elif title in AROUND_OPS:
        document["workflows"]["User"]["events"]["Example"] = evolved(title, plain(example))
        functions = ("tidy_address", "untidy_address")
        (tmp_path / "upcasts").mkdir()
        (tmp_path / "upcasts" / "user_service.py").write_text(
            "".join(f"def {name}(fields):\n    return fields\n" for name in functions)
        )
    elif title == "Past version":
        past = plain(example)
        document["workflows"]["User"]["events"]["Example"] = {
            "fields": past["fields"],
            "history": {"1": {"fields": {"user_id": "int"}}, "2": past},
        }
    else:
        if title == "Ceiling":
            document["streams"]["users"]["retention"] = {"age": "90d"}
        *way, last = AROUND[title]
        if title == "Unread":
            document["subscriptions"]["example"]["mode"] = "read-receipt"
        inner = document
        for name in way:
            inner = inner.setdefault(name, {})
        inner[last] = plain(example)
        if title in {"Remote", "Remote stream"}:
            write_contract(tmp_path)
        if title == "Remote stream":
            document["remote"]["audit-service"]["spec"] = "audit_service.yaml"
        # Names are unique, and the example takes some of these.
        if title == "Workflow":
            del document["workflows"]["User"]
    # JSON is YAML, and puts every text in quotes.
    (tmp_path / "spec.yaml").write_text(json.dumps(document))

    [spec] = load_specs([tmp_path / "spec.yaml"], tmp_path)

    assert spec.service == "user-service"


def test_every_link_of_the_reference_leads_to_a_heading() -> None:
    reference = render_docs()["docs/spec-reference.md"]
    headings = {
        re.sub(r"[^a-z]+", "-", title.lower())
        for title in re.findall(r"^## (.*)$", reference, re.MULTILINE)
    }

    assert set(re.findall(r"\(#([^)]*)\)", reference)) <= headings


def test_the_types_of_the_reference_are_read_as_they_are_written() -> None:
    """Each row's example is a value that its type takes as a default."""
    rows = re.findall(
        r"^\| `([a-z]+)` \| .*? \| .*? \| `(.*?)` \|",
        render_docs()["docs/spec-reference.md"].split("## Types of fields")[1],
        re.MULTILINE,
    )
    fields = "".join(f"      f{n}: {{type: {t}, default: {v}}}\n" for n, (t, v) in enumerate(rows))
    text = f"headwater: 1\nservice: s\ntypes:\n  All:\n    fields:\n{fields}"
    problems: list[Problem] = []
    node = load(Source("example", text), problems)
    assert node is not None

    read_record(Spec, node, problems, node)

    assert len(rows) == 14
    assert problems == []


def test_the_files_are_written_and_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"], tmp_path) == 1
    assert "out of date" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    json.loads((tmp_path / "docs" / "headwater.schema.json").read_text())
