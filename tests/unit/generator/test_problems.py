"""Problems as text, JSON and GitHub annotations."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from headwater_generator.problems import Problem, SpecError, render, report

LINE = '          - split: {field: nmae, into: [first_name, last_name], sep: " "}'
PROBLEM = Problem(
    code="HW212",
    message='version 1 of UserAdded has no field "nmae"',
    file="spec/user_service.yaml",
    line=27,
    column=28,
    length=4,
    hint='did you mean "name"?',
    text=LINE,
)


def test_text_shows_the_line_the_mistake_and_the_hint() -> None:
    assert render([PROBLEM]) == (
        'spec/user_service.yaml:27:28: error[HW212]: version 1 of UserAdded has no field "nmae"\n'
        '   27 |           - split: {field: nmae, into: [first_name, last_name], sep: " "}\n'
        '      |                            ^^^^ did you mean "name"?\n'
        "\n"
        "1 error. `headwater explain HW212` says more.\n"
    )


def test_a_problem_of_a_whole_file_has_no_line() -> None:
    problem = Problem(code="HW002", message="the file is UTF-16", file="a.yaml", hint="save it")

    assert render([problem]).startswith(
        "a.yaml: error[HW002]: the file is UTF-16\n      | save it\n"
    )


def test_carets_stand_under_wide_combining_and_hidden_characters() -> None:
    text = "a: 日本e\u0301\t\u202ex bad"
    column = text.index("bad") + 1
    problem = Problem(
        code="HW101", message="m", file="f", line=1, column=column, length=3, text=text
    )

    shown, caret = render([problem]).splitlines()[1:3]

    assert "\u202e" not in shown
    assert "\t" not in shown
    # Two columns for each wide character, none for the combining one, six for \u202e.
    assert shown == "    1 | a: 日本e\u0301 \\u202ex bad"
    assert caret == f"      | {' ' * (3 + 4 + 1 + 1 + 6 + 2)}^^^"


def test_a_long_line_is_cut_around_the_mistake() -> None:
    text = "a" * 5000 + "bad" + "c" * 5000
    problem = Problem(code="HW101", message="m", file="f", line=1, column=5001, length=3, text=text)

    shown, caret = render([problem]).splitlines()[1:3]

    assert len(shown) < 120
    assert shown[caret.index("^") : caret.rindex("^") + 1] == "bad"


def test_json_carries_every_field() -> None:
    assert json.loads(render([PROBLEM], "json")) == {
        "problems": [
            {
                "code": "HW212",
                "message": 'version 1 of UserAdded has no field "nmae"',
                "file": "spec/user_service.yaml",
                "line": 27,
                "column": 28,
                "length": 4,
                "hint": 'did you mean "name"?',
            }
        ]
    }


def test_no_problems_are_an_empty_list_for_programs_and_nothing_for_people() -> None:
    assert json.loads(render([], "json")) == {"problems": []}
    assert render([], "text") == ""
    assert render([], "github") == ""


def test_an_annotation_cannot_be_broken_out_of() -> None:
    problem = Problem(
        code="HW101", message="a%b\n::error::c", file="a,b:c.yaml", line=1, column=2, length=3
    )

    assert render([problem], "github") == (
        "::error file=a%2Cb%3Ac.yaml,line=1,col=2,endColumn=5,title=HW101::a%25b%0A::error::c\n"
    )


def test_problems_come_once_and_in_the_order_of_their_places() -> None:
    later = Problem(code="HW101", message="m", file="b.yaml", line=1)
    earlier = Problem(code="HW999", message="m", file="a.yaml", line=9)

    assert SpecError([later, earlier, later]).problems == (earlier, later)


def test_an_error_can_be_copied_and_pickled() -> None:
    error = SpecError([PROBLEM])

    assert copy.copy(error).problems == error.problems
    assert pickle.loads(pickle.dumps(error)).problems == error.problems  # noqa: S301
    assert "HW212" in str(error)


def test_people_read_stderr_and_programs_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    report([PROBLEM])
    assert capsys.readouterr().out == ""

    report([PROBLEM], "github")
    assert capsys.readouterr().err == ""
