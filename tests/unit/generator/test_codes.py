"""What every code says: its wrong example is wrong for this reason, its right one is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from headwater_generator.check import load_specs
from headwater_generator.codes import CODES
from headwater_generator.problems import Code, SpecError
from headwater_generator.verbs import explain

HEAD = "headwater: 1\nservice: user-service\n"
# About files, folders, functions, other services and the command line: their examples are no specs.
NO_SPECS = {
    *("HW001", "HW002", "HW004", "HW011", "HW308"),
    *(f"HW01{n}" for n in range(3, 8)),
    *(f"HW54{n}" for n in range(8)),
    *(f"HW81{n}" for n in range(2, 8)),
}
SHOWN = [
    code for code in CODES.values() if code.id[:3] not in {"HW7", "HW9"} and code.id not in NO_SPECS
]


def codes_of(fragment: str, folder: Path) -> set[str]:
    path = folder / "spec.yaml"
    path.write_text(HEAD + fragment + "\n", encoding="utf-8")
    try:
        load_specs([path], folder)
    except SpecError as error:
        return {problem.code for problem in error.problems}
    return set()


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.id)
def test_the_wrong_example_is_wrong_for_this_reason_alone(code: Code, tmp_path: Path) -> None:
    assert codes_of(code.wrong, tmp_path) == {code.id}


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.id)
def test_the_right_example_is_right(code: Code, tmp_path: Path) -> None:
    assert codes_of(code.right, tmp_path) == set()


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.id)
def test_a_code_says_what_it_means(code: Code) -> None:
    assert code.title
    assert code.explanation.endswith(".")
    assert code.right
    assert code.wrong or code.id == "HW004"


def test_codes_are_listed_in_order() -> None:
    assert list(CODES) == sorted(CODES)


@pytest.mark.parametrize("code", CODES)
def test_explain_says_more_about_a_code(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.run([code.lower()]) == 0

    told = capsys.readouterr().out
    assert told.startswith(f"{code}: {CODES[code].title}\n")
    assert "Wrong:" in told
    assert "Right:" in told


def test_explain_tells_programs_of_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.run(["HW101", "--format", "json"]) == 0
    [one] = json.loads(capsys.readouterr().out)["codes"]
    assert explain.run(["--format", "json"]) == 0
    every = json.loads(capsys.readouterr().out)["codes"]

    assert (one["id"], one["title"]) == ("HW101", CODES["HW101"].title)
    assert [each["id"] for each in every] == list(CODES)


def test_explain_lists_all_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.run([]) == 0

    assert [line[:5] for line in capsys.readouterr().out.splitlines()] == list(CODES)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("HW10l", 'did you mean "HW101"?'),
        ("HW99999", "`headwater explain` lists them all"),
        ("nonsense", 'no event is called "nonsense"'),
        ("\x1b[31m", "\\x1b[31m"),
    ],
)
def test_explain_suggests_for_an_unknown_code(
    given: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain.run([given]) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert told in output.err
