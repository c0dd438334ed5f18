"""Errors survive the way between processes, and say whose move it is."""

import copy
import inspect
import pickle
from uuid import UUID

import pytest
from headwater import errors
from headwater.errors import HeadwaterError, OutcomeUnknownError, RejectedError

SAMPLES: list[HeadwaterError] = [
    errors.CommandRejectedError("too late", "deadline"),
    errors.ConfigurationError("one", "two"),
    errors.CursorMismatchError("reader", "carts", "the stream is another"),
    errors.DeadlineExceededError(3.0),
    errors.DeliveryLostError("reader", 7),
    errors.EventNotAllowedError("A", ["B", "C"]),
    errors.EventNotFoundError("carts", UUID(int=1)),
    errors.HandlerFailedError("add_user", "ValueError: no"),
    errors.HistoryUnavailableError("Cart", "carts"),
    errors.IdempotencyConflictError("k-1"),
    errors.NotRunningError("shop"),
    errors.OutcomeUnknownError("the wire broke"),
    errors.ReplayUnavailableError("carts", "it is ephemeral"),
    errors.SchemaMismatchError("a.db", 7, 1, "run the newer Headwater"),
    errors.StoreUnavailableError("the disk is full"),
    errors.UnknownCommandError("shop", "Buy"),
    errors.UnknownStreamError("shop", "carts"),
    errors.UnknownSubscriptionError("shop", "reader"),
    errors.UnreadableEventError("A", 2, "no class reads it"),
    errors.VersionConflictError("Cart", "1", 2, 3),
    errors.WorkflowEndedError("Cart", "1"),
    errors.WorkflowExistsError("Cart", "1"),
    errors.WorkflowNotFoundError("Cart", "1"),
]


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
