"""Errors survive the way between processes, and say whose move it is."""

import copy
import inspect
import pickle

import pytest
from headwater import errors
from headwater.errors import HeadwaterError, OutcomeUnknownError, RejectedError

from tests.support.errors import SAMPLES


def test_there_is_a_sample_of_every_error() -> None:
    raised = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, HeadwaterError)
    }
    assert {type(sample) for sample in SAMPLES} == raised - {HeadwaterError, RejectedError}


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_copy_and_pickle(error: HeadwaterError) -> None:
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301  (our own)
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_says_whose_move_it_is_and_what_it_could_be(error: HeadwaterError) -> None:
    assert error.advice.endswith(".")
    assert error.advice != HeadwaterError.advice
    assert isinstance(error.fault, errors.Fault)
    assert str(error)


def test_rejected_and_unknown_are_different_outcomes() -> None:
    assert not issubclass(OutcomeUnknownError, RejectedError)
