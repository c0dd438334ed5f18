"""Every error has its status, and no answer repeats what was sent."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest
from headwater import errors
from headwater.transports import problems
from headwater.transports.http.paths import kebab as path_kebab
from headwater_generator.names import kebab
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.parcels.contract import ImportParcels, SendParcel, WeighParcel

ERRORS = [
    value
    for name in errors.__all__
    if isinstance(value := getattr(errors, name), type) and issubclass(value, errors.HeadwaterError)
]


def test_the_table_has_a_row_for_every_error_and_no_other() -> None:
    assert set(problems.STATUSES) == set(ERRORS)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_the_status_blames_the_client_just_when_the_error_does(
    error: type[errors.HeadwaterError],
) -> None:
    status = problems.kind_of(error).status

    if error.fault is errors.Fault.CALLER:
        assert 400 <= status < 500
    if error.fault is errors.Fault.SERVICE:
        assert status == 500


def test_a_type_names_one_kind_only() -> None:
    kinds = {*problems.STATUSES.values(), problems.MALFORMED_JSON, problems.INVALID_COMMAND}

    assert len({kind.type for kind in kinds}) == len(kinds)


def test_a_subclass_has_the_status_of_its_base() -> None:
    class TooExpensiveError(errors.CommandRejectedError):
        pass

    assert problems.kind_of(TooExpensiveError).name == "command-rejected"


def test_any_other_exception_is_told_without_its_words() -> None:
    problem = problems.problem_of(RuntimeError("swordfish"))

    assert problem.kind.status is HTTPStatus.INTERNAL_SERVER_ERROR
    assert "swordfish" not in json.dumps(problem.body("1"))


def test_what_a_handler_raised_stays_inside() -> None:
    problem = problems.problem_of(errors.HandlerFailedError("add", "KeyError: 'swordfish'"))

    assert "swordfish" not in json.dumps(problem.body("1"))


def test_a_rejection_points_at_its_field() -> None:
    problem = problems.problem_of(errors.CommandRejectedError("too far", field="a/b~c"))

    assert problem.errors == (problems.FieldProblem("/a~1b~0c", "too far"),)


def invalid(model: type[SendParcel | ImportParcels | WeighParcel], body: str) -> problems.Problem:
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(body)
    return problems.invalid_command(caught.value, body.encode())


def test_a_path_leads_through_the_body_and_not_through_the_schema() -> None:
    """Pydantic's own location of a union's member has the member's name in it."""
    body = {
        "parcel_id": "1",
        "to": {"street": "x", "country": "NLD"},
        "contacts": [{"kind": "ByPhone", "phone": "1"}, {"kind": "ByEmail"}, {"kind": "?"}],
        "class": 3,
    }

    problem = invalid(SendParcel, json.dumps(body))

    assert [one.path for one in problem.errors] == [
        "/to/country",
        "/contacts/1/email",
        "/contacts/2",
        "/class",
    ]
    assert problem.detail == "4 parts of the body must change."


def test_of_very_many_mistakes_the_first_are_listed() -> None:
    body = {"parcel_id": "1", "to": {"street": "x", "country": "NL"}, "contacts": [1] * 500}

    problem = invalid(SendParcel, json.dumps(body))

    assert len(problem.errors) == 100
    assert problem.detail == "500 parts of the body must change. The first 100 are listed."


ODD = "Zq7!"  # in no message of anybody


@pytest.mark.parametrize(
    "value", [ODD, f"{ODD}@example.com", f"a@{ODD}.example", f"{ODD}:", f"2026-01-01T{ODD}", "!"]
)
def test_no_message_repeats_a_value(value: str) -> None:
    fields = {
        "count": value,
        "since": value,
        "source": f"no uri {value}",
        "took": value,
        "seal": value,
        "price": value,
        "factors": {"a": value},
    }
    parcel = {
        "parcel_id": [value],
        "to": {"street": {"x": value}, "country": f"{value}{value}"},
        "speed": value,
        "contacts": [{"kind": value}, {"kind": "ByEmail", "email": f"{value} "}],
    }

    found = [
        *invalid(ImportParcels, json.dumps(fields)).errors,
        *invalid(SendParcel, json.dumps(parcel)).errors,
        *invalid(WeighParcel, json.dumps({"parcel_id": value})).errors,
    ]

    assert len(found) >= 12
    for one in found:
        assert value not in one.message
        assert "!" not in one.message
        assert "33" not in one.message  # the code of "!"


@given(st.from_regex(r"[A-Z][A-Za-z0-9]{0,30}", fullmatch=True))
def test_addresses_are_those_that_the_generator_checks_for_clashes(name: str) -> None:
    assert path_kebab(name) == kebab(name)
