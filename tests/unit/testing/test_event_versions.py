"""The generated proof fails, and names the place, when what was generated is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from headwater_generator import generate

SPEC = """\
headwater: 1
service: shop
types:
  Plan: {enum: [free, paid]}
  Tier: {enum: [basic, pro]}
  Contact: {one_of: [Mail, Call], tag: kind}
  Mail: {fields: {address: email}}
  Call: {fields: {number: string}}
streams: {shop: {type: persistent}}
workflows:
  Account:
    stream: shop
    events:
      AccountOpened:
        fields:
          given: string
          last: string
          tier: Tier
          age: list<int>
          contact: Contact
          prices: map<decimal>
          region: string
          opened: datetime
        upcast:
          - rename: {first: given, plan: tier}
          - map_enum: {field: tier, values: {free: basic, paid: pro}}
          - add: {region: eu}
          - from_envelope: {opened: time}
        history:
          1:
            fields:
              holder: string
              plan: Plan
              age: int
              contact: Contact
              prices: map<decimal>
          2:
            fields:
              first: string
              last: string
              plan: Plan
              age: list<int>
              contact: Contact
              prices: map<decimal>
            upcast:
              - split: {field: holder, into: [first, last], sep: " "}
              - wrap: {field: age}
      AccountMoved:
        fields: {street: string, city: string}
        upcast: [custom: {up: part, down: whole}]
        history: {1: {fields: {address: string}}}
subscriptions:
  ledger: {stream: shop, mode: broadcast, handler: false, events: [AccountOpened@1, AccountMoved@1]}
"""
FUNCTIONS = """\
def part(fields):
    street, _, city = fields["address"].partition(", ")
    return {"street": street, "city": city}


def whole(fields):
    return {"address": f"{fields['street']}, {fields['city']}"}
"""
REFUSING = "    raise ValueError('no address')\n"
TO_3 = "def account_opened_v2_to_v3"
CONFTEST = """\
from hypothesis import Phase, settings

settings.register_profile("quick", max_examples=50, phases=[Phase.generate], derandomize=True)
settings.load_profile("quick")
"""
# What is planted: the file, after what, what is replaced, by what; and what is said of it.
PLANTED = {
    "a_dropped_op": (
        "upcasting.py", TO_3, '        "region": "eu",\n', "",
        ["AccountOpened from version 2 to 3", "add {region: eu}", "region", '"first": "first"'],
    ),
    "a_wrong_default": (
        "upcasting.py", TO_3, '"eu"', '"us"',
        ["AccountOpened from version 2 to 3", "add {region: eu}", "expected 'eu', got 'us'"],
    ),
    "swapped_parts": (
        "upcasting.py", "def account_opened_v1_to_v2", "parts[0]", "parts[2]",
        ["AccountOpened from version 1 to 2", "split {field: holder", '"holder": "holder"'],
    ),
    "a_wrong_inverse": (
        "upcasting.py", "def account_opened_v3_to_v2", '_DOWN(data["tier"])', '_DOWN("pro")',
        ["AccountOpened from version 3 to 2", "map_enum {field: tier", "expected 'free'"],
    ),
    "a_wrong_step_over_two_hops": (
        "upcasting.py", "def account_opened_v1_to_v3", 'data["prices"]', "{}",
        ["AccountOpened from version 1 to 3", "in one step it becomes another than hop by hop"],
    ),
    "a_value_that_is_not_mapped": (
        "upcasting.py", "", '"free": "basic", ', "",
        ["AccountOpened from version 2 to 3", "map_enum", "between 2 and 3", '"plan": "free"'],
    ),
    "another_type": (
        "upcasting.py", "def account_opened_v1_to_v2",
        '[data["age"]]', 'data["age"]',
        ["AccountOpened from version 1 to 2", "wrap {field: age}", "age: Input"],
    ),
    "a_changed_payload": (
        "upcasting.py", TO_3, 'data["contact"]', 'data["contact"].pop("kind")',
        ["AccountOpened from version 2 to 3", "what was recorded is changed"],
    ),
    "a_way_less": (
        "upcasting.py", "", '    ("AccountOpened", 3, 2): account_opened_v3_to_v2,\n', "",
        ["AccountOpened from version 3 to 2", "no way leads to version 2"],
    ),
    "a_function_not_written": (
        "upcasts.py", "def part", "    street, _", "    raise NotImplementedError\n    street, _",
        ["AccountMoved from version 1 to 2", "custom {up: part", "NotImplementedError", "address"],
    ),
    "a_function_with_a_mistake": (
        "upcasts.py", "def whole", "fields['city']", "fields['town']",
        ["AccountMoved from version 2 to 1", "custom {up: part", "KeyError"],
    ),
    "a_function_that_makes_another_type": (
        "upcasts.py", "def part", '"city": city', '"city": 1',
        ["AccountMoved from version 1 to 2", "custom {up: part", "city: Input should be"],
    ),
}  # fmt: skip
SOUND, REFUSED = "sound", "all_refused"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What a plain pytest says of a package with each of these: `failure: message` or `skipped`."""
    root = tmp_path_factory.mktemp("shop")
    (root / "spec" / "upcasts").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.headwater]\n")
    (root / "spec" / "shop.yaml").write_text(SPEC)
    (root / "spec" / "upcasts" / "shop.py").write_text(FUNCTIONS)
    (root / "conftest.py").write_text(CONFTEST)  # without looking for the smallest payload
    generate(root)
    made = root / "generated" / "shop"
    for name, (file, after, old, new, _) in PLANTED.items():
        plant(shutil.copytree(made, root / "tried" / name) / file, after, old, new)
    refused = shutil.copytree(made, root / "tried" / REFUSED) / "upcasts.py"
    plant(refused, "def part", "    street", f"{REFUSING}    street")
    shutil.copytree(made, root / "tried" / SOUND)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tried"]
    subprocess.run([*command, "--junitxml=report.xml"], cwd=root, capture_output=True, check=False)
    found: dict[str, list[str]] = {name: [] for name in (*PLANTED, SOUND, REFUSED)}
    for case in ET.parse(root / "report.xml").iter("testcase"):  # noqa: S314 - our own
        name = case.attrib["classname"].split(".")[1]
        found[name] += [f"{one.tag}: {one.text or one.attrib.get('message')}" for one in case]
    return found


def plant(path: Path, after: str, old: str, new: str) -> None:
    text = path.read_text()
    start = text.index(after)
    assert old in text[start:]
    path.write_text(text[:start] + text[start:].replace(old, new, 1))


@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_broken_is_found_and_the_place_is_named(
    planted: str, reports: dict[str, list[str]]
) -> None:
    expected = PLANTED[planted][-1]

    assert any(all(part in one for part in expected) for one in reports[planted]), reports[planted]
    assert not any("Traceback" in one for one in reports[planted])


def test_what_is_sound_passes(reports: dict[str, list[str]]) -> None:
    assert reports[SOUND] == []


def test_where_every_payload_is_refused_it_is_said_that_nothing_is_proven(
    reports: dict[str, list[str]],
) -> None:
    assert reports[REFUSED]
    assert all(one.startswith("skipped") for one in reports[REFUSED])
