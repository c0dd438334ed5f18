"""Names: the one place where a name of the spec becomes a name of anything else."""

from __future__ import annotations

import keyword

import pytest
from headwater.schema import RESERVED_FIELD_NAMES
from headwater.transports.http.paths import kebab as url_kebab
from headwater_generator.names import (
    enum_member,
    is_kebab,
    is_pascal,
    is_snake,
    kebab,
    nearest,
    pascal,
    python_name,
    snake,
)
from hypothesis import given
from hypothesis import strategies as st

PASCAL = st.from_regex(r"[A-Z][A-Za-z0-9]{0,20}", fullmatch=True)
KEBAB = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,3}", fullmatch=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AddUser", "add_user"),
        ("HTTPServer", "http_server"),
        ("User2Added", "user2_added"),
        ("OAuth2Token", "o_auth2_token"),
        ("HTTP2Send", "http2_send"),
        ("SendHTTP2", "send_http2"),
        ("SHA256Hash", "sha256_hash"),
        ("V2HTTPSend", "v2_http_send"),
        ("ABC2DEF", "abc2_def"),
        ("user-analytics", "user_analytics"),
        ("A", "a"),
        ("ABC", "abc"),
    ],
)
def test_words_begin_where_the_case_says(name: str, expected: str) -> None:
    assert snake(name) == expected


def test_a_command_has_a_kebab_form_and_a_stream_a_pascal_form() -> None:
    assert kebab("AddUser") == "add-user"
    assert pascal("legacy-directory") == "LegacyDirectory"


@given(PASCAL)
def test_the_address_of_a_command_is_the_same_at_run_time(name: str) -> None:
    """The runtime has a copy of its own, since it needs nothing of the generator."""
    assert url_kebab(name) == kebab(name)


@given(PASCAL)
def test_every_pascal_name_becomes_an_identifier(name: str) -> None:
    assert is_pascal(name)
    assert is_snake(snake(name))
    assert python_name(snake(name)).isidentifier()
    assert not keyword.iskeyword(python_name(snake(name)))


@given(KEBAB)
def test_every_kebab_name_survives_the_way_through_snake_case(name: str) -> None:
    assert is_kebab(name)
    assert is_snake(snake(name))
    assert snake(name).replace("_", "-") == name


@pytest.mark.parametrize("name", ["", "é", "Å", "user name", "user\n", "_user", "2nd", "a__b"])
def test_what_is_not_plain_ascii_words_is_no_name(name: str) -> None:
    assert not is_snake(name)
    assert not is_kebab(name)
    assert not is_pascal(name)


@pytest.mark.parametrize("name", ["class", "import", "model_config", "model_anything"])
def test_a_field_that_python_or_pydantic_needs_gets_an_underscore(name: str) -> None:
    assert python_name(name) == f"{name}_"


@pytest.mark.parametrize("name", sorted(RESERVED_FIELD_NAMES))
def test_a_field_never_hides_what_the_base_classes_have(name: str) -> None:
    assert python_name(name) not in RESERVED_FIELD_NAMES


def test_other_fields_keep_their_name() -> None:
    for name in ("user_id", "type", "match", "list", "id"):
        assert python_name(name) == name


@pytest.mark.parametrize(
    ("value", "member"),
    [
        ("member", "MEMBER"),
        ("in-progress", "IN_PROGRESS"),
        ("inProgress", "IN_PROGRESS"),
        ("2fa", "VALUE_2FA"),
        ("Zürich", "ZURICH"),
        ("<=", "LESS_THAN_SIGN_EQUALS_SIGN"),
        ("日", "CJK_UNIFIED_IDEOGRAPH_65E5"),
        ("こんにちは、世界よ。", ""),
    ],
)
def test_a_value_becomes_a_member_in_upper_case(value: str, member: str) -> None:
    assert enum_member(value) == member


@given(st.text(min_size=1, max_size=30))
def test_a_member_is_an_identifier_or_nothing(value: str) -> None:
    member = enum_member(value)

    assert member == "" or (member.isidentifier() and member.isascii() and member.isupper())


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("feilds", "fields"),
        ("Fields", "fields"),
        ("field", "fields"),
        ("feeds", "fields"),
        ("colour", None),
        ("ab", None),
    ],
)
def test_the_nearest_name_is_at_most_two_edits_away(name: str, found: str | None) -> None:
    assert nearest(name, ["fields", "type", "id"]) == found
