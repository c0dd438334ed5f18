"""One of every error."""

from uuid import UUID

from headwater import errors
from headwater.errors import HeadwaterError

__all__ = ["SAMPLES"]

SAMPLES: list[HeadwaterError] = [
    errors.CommandInTransactionError("Buy"),
    errors.CommandRejectedError("too late", "deadline"),
    errors.ConfigurationError("one", "two"),
    errors.ConnectionUnavailableError("it is in memory"),
    errors.CopyFailedError("events differs"),
    errors.CopyRefusedError("users.db is in use"),
    errors.CopyUnfinishedError("b.db", "a.db"),
    errors.CursorMismatchError("reader", "carts", "the stream is another"),
    errors.DeadlineExceededError(3.0),
    errors.DeliveryLostError("reader", 7),
    errors.EventNotAllowedError("A", ["B", "C"]),
    errors.EventNotFoundError("carts", UUID(int=1)),
    errors.HandlerFailedError("add_user", "ValueError: no"),
    errors.HistoryUnavailableError("Cart", "carts", "it is ephemeral"),
    errors.IdempotencyConflictError("k-1"),
    errors.LeaseLostError("retention", "shop#1"),
    errors.NotRunningError("shop"),
    errors.OutcomeUnknownError("the wire broke"),
    errors.ProtobufError("AddedV1", ("lines", 2), "it is no UUID"),
    errors.MalformedMessageError("its id is no UUID"),
    errors.BrokerUnavailableError("no answer in time"),
    errors.ReplayUnavailableError("carts", "it is ephemeral"),
    errors.SchemaChangedError([("A", 1), ("B", 2)]),
    errors.SchemaMismatchError("a.db", "headwater.0007", "headwater.0001", "run the newer", True),
    errors.StoreUnavailableError("the disk is full"),
    errors.StreamTruncatedError("carts", 1, 7, "reader"),
    errors.EventsWouldBeLostError("a.db", 2, ["carts"]),
    errors.MigrationLockedError("a.db", "process 7", 1.5),
    errors.TransactionBudgetError(5.0),
    errors.TransactionRequiredError("reader"),
    errors.UnknownCommandError("shop", "Buy"),
    errors.UnknownStreamError("shop", "carts"),
    errors.UnknownSubscriptionError("shop", "reader"),
    errors.SubscriptionInUseError("reader", ("ann",), 1),
    errors.UnreadableEventError("A", 2, "no class reads it"),
    errors.UnknownEventError("A", 3, (1, 2)),
    errors.UpcastError("A", 1, "ValueError", UUID(int=1), (1, 2), "convert a"),
    errors.VersionConflictError("Cart", "1", 2, 3),
    errors.WorkflowEndedError("Cart", "1"),
    errors.WorkflowExistsError("Cart", "1"),
    errors.WorkflowNotFoundError("Cart", "1"),
]
