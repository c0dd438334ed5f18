"""Whatever a file holds, the answer is a tree or problems with places."""

from __future__ import annotations

import json
import string
import tempfile
from pathlib import Path

import yaml
from headwater_generator.check import load_specs
from headwater_generator.codes import CODES
from headwater_generator.grammar.declare import Model, keys_of
from headwater_generator.grammar.schema import models
from headwater_generator.grammar.spec import Spec
from headwater_generator.grammar.types import SCALARS
from headwater_generator.problems import SpecError, render
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[3]
SAMPLE = (ROOT / "spec" / "user_service.yaml").read_text(encoding="utf-8")
RICH = [
    path.read_text(encoding="utf-8")
    for path in sorted(ROOT.glob("tests/golden/*/spec/*.yaml"))
    if "service:" in path.read_text(encoding="utf-8")
]

MODELS: list[type[Model]] = [Spec, *models()]
WORDS = sorted(
    {key for model in MODELS for key in keys_of(model)}
    | set(SCALARS)
    | {"User", "users", "UserAdded", "Role", "list<Role>", "string | null", "1s", "x-y", "class"}
)
SCALAR_VALUES = st.one_of(
    st.sampled_from(WORDS),
    st.text(max_size=12),
    st.text(alphabet=string.printable, max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
)
TREES = st.recursive(
    SCALAR_VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), inner, max_size=5),
    ),
    max_leaves=25,
)
FUZZ = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def outcome(content: bytes) -> None:
    """Load, and hold whatever is said to its form."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_bytes(content)
        try:
            load_specs([path], Path(folder))
        except SpecError as error:
            problems = error.problems
        else:
            return
    assert problems
    for problem in problems:
        assert problem.code in CODES
        assert problem.message
        assert problem.file == "spec.yaml"
        assert problem.line >= 0
        assert problem.length >= 1
        assert not problem.line or 1 <= problem.column <= len(problem.text) + 1
    text = render(problems)
    assert all(character.isprintable() for line in text.split("\n") for character in line)
    assert json.loads(render(problems, "json"))
    assert len(render(problems, "github").splitlines()) == len(problems)


@FUZZ
@given(st.binary(max_size=200))
def test_bytes(content: bytes) -> None:
    outcome(content)


@FUZZ
@given(st.text(max_size=200))
def test_text(text: str) -> None:
    outcome(text.encode("utf-8", "surrogatepass"))


@FUZZ
@given(TREES)
def test_trees_of_words_that_mean_something(tree: object) -> None:
    outcome(json.dumps(tree).encode())


@FUZZ
@given(st.dictionaries(st.sampled_from(WORDS), TREES, max_size=6))
def test_specs_with_arbitrary_values(tree: dict[str, object]) -> None:
    outcome(json.dumps({"headwater": 1, "service": "user-service", **tree}).encode())


@FUZZ
@given(st.data())
def test_the_sample_with_characters_changed(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([SAMPLE, *RICH]))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(st.text(max_size=6)) + text[start + length :]
    outcome(text.encode("utf-8", "surrogatepass"))


@FUZZ
@given(st.data())
def test_the_sample_with_values_changed(data: st.DataObject) -> None:
    """Every place of the tree in turn gets a value, or another name."""
    tree = yaml.safe_load(data.draw(st.sampled_from([SAMPLE, *RICH])))
    for _ in range(data.draw(st.integers(1, 3))):
        node = tree
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            below = node[key]
            if not isinstance(below, dict | list) or not below or data.draw(st.booleans()):
                break
            node = below
        if not keys:
            continue
        change = data.draw(st.sampled_from(["value", "remove", "rename"]))
        if change == "value":
            node[key] = data.draw(TREES)
        elif change == "remove":
            del node[key]
        elif isinstance(node, dict):
            node[data.draw(st.sampled_from(WORDS))] = node.pop(key)
    outcome(json.dumps(tree, default=str).encode())
