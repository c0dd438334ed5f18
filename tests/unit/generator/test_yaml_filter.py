"""The filter that puts spec text into AsyncAPI documents: whatever it is, it is read back alike."""

from __future__ import annotations

import pytest
import yaml as pyyaml
from headwater_generator.outputs.templates import yaml
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=10,
)


@given(VALUES)
def test_a_value_is_read_back_as_it_was(value: object) -> None:
    text = yaml(value)
    assert "\n" not in text
    assert pyyaml.safe_load(f"here: {text}\n") == {"here": value}


@pytest.mark.parametrize("word", ["no", "Yes", "NULL", "true", "off", "y", "1e5", "~", ".nan", "-"])
def test_words_that_yaml_takes_for_something_else_stay_text(word: str) -> None:
    assert pyyaml.safe_load(yaml(word)) == word
    assert pyyaml.safe_load(f"{{{yaml(word)}: 1}}") == {word: 1}
