"""Bearer tokens: which hold, and that nobody learns more than that."""

from __future__ import annotations

import hashlib

import pytest
from headwater.transports.tokens import SHORTEST_TOKEN, Tokens, fingerprint_of, new_token

OLD, NEW = new_token(), new_token()


def test_a_new_token_is_long_random_and_recognisable() -> None:
    tokens = {new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(one.startswith("hw_") and len(one) >= SHORTEST_TOKEN for one in tokens)


def test_the_fingerprint_is_what_sha256sum_says() -> None:
    assert fingerprint_of("x" * 40) == f"sha256:{hashlib.sha256(b'x' * 40).hexdigest()}"


def test_each_of_two_tokens_is_admitted() -> None:
    tokens = Tokens([fingerprint_of(OLD), fingerprint_of(NEW)])

    assert tokens.admits([f"Bearer {OLD}"])
    assert tokens.admits([f"bearer  {NEW} "])


@pytest.mark.parametrize(
    "given",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        [OLD],
        [f"Basic {OLD}"],
        [f"Bearer {NEW}"],
        [f"Bearer {OLD}x"],
        [f"Bearer {OLD[:-1]}"],
        [f"Bearer {fingerprint_of(OLD)}"],
        [f"Bearer {OLD} {OLD}"],
        [f"Bearer {OLD}", f"Bearer {OLD}"],
        [f"Bearer {NEW}", f"Bearer {OLD}"],
    ],
    ids=lambda given: str(len(given)),
)
def test_nothing_else_is_admitted(given: list[str]) -> None:
    assert not Tokens([fingerprint_of(OLD)]).admits(given)


def test_every_fingerprint_is_compared_whatever_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the time says nothing: not of a missing token, not of which one it was."""
    compared = []

    def compare(given: str, known: str) -> bool:
        compared.append((len(given), known))
        return given == known

    monkeypatch.setattr("hmac.compare_digest", compare)
    known = [fingerprint_of(OLD), fingerprint_of(NEW)]
    for header in ([], ["Bearer x"], [f"Bearer {OLD}"], [f"Bearer {NEW}"]):
        compared.clear()
        Tokens(known).admits(header)
        assert compared == [(len(known[0]), one) for one in known]


def test_of_no_token_nothing_is_admitted_and_it_is_false() -> None:
    assert not Tokens()
    assert not Tokens().admits([f"Bearer {OLD}"])


def test_a_token_in_place_of_its_fingerprint_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="number 2 is not sha256:") as caught:
        Tokens([fingerprint_of(OLD), NEW])

    assert NEW not in str(caught.value)
    assert OLD not in repr(Tokens([fingerprint_of(OLD)]))
