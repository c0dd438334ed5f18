"""Headwater: typed events, commands and subscriptions, and the runtime that executes them.

The layers of the runtime, each importing only from those before it:

    schema, clock, errors → deadlines → events → evolution → streams, workflows → stores
    → subscriptions, commands → service → transports → operations → app → cli, testing

Names are loaded when first used, so that the `headwater` command starts without pydantic.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import (
        App,
        Lifespan,
    )
    from .clock import (
        Clock,
        SystemClock,
    )
    from .commands.definition import (
        CommandDefinition,
        CommandKind,
    )
    from .commands.execution import (
        CommandContext,
        Outcome,
    )
    from .errors import (
        BrokerUnavailableError,
        CommandInTransactionError,
        CommandRejectedError,
        ConfigurationError,
        ConnectionUnavailableError,
        CursorMismatchError,
        DeadlineExceededError,
        DeliveryLostError,
        EventNotAllowedError,
        EventNotFoundError,
        EventsWouldBeLostError,
        Fault,
        HandlerFailedError,
        HeadwaterError,
        HistoryUnavailableError,
        IdempotencyConflictError,
        LeaseLostError,
        MigrationLockedError,
        NotRunningError,
        OutcomeUnknownError,
        RejectedError,
        ReplayUnavailableError,
        SchemaChangedError,
        SchemaMismatchError,
        StoreUnavailableError,
        StreamTruncatedError,
        SubscriptionInUseError,
        TransactionBudgetError,
        TransactionRequiredError,
        UnknownCommandError,
        UnknownEventError,
        UnknownStreamError,
        UnknownSubscriptionError,
        UnreadableEventError,
        UpcastError,
        VersionConflictError,
        WorkflowEndedError,
        WorkflowExistsError,
        WorkflowNotFoundError,
    )
    from .events import (
        Command,
        Data,
        Event,
        Metadata,
        Personal,
        RecordedEvent,
        UniqueItems,
        Uri,
    )
    from .evolution import (
        Envelope,
        Registry,
        Upcast,
        Upcasting,
        WithEnvelope,
    )
    from .operations.crossings import (
        Crossing,
        Direction,
    )
    from .operations.management import (
        Management,
        manage,
    )
    from .operations.positions import (
        Position,
        Stall,
    )
    from .relaying.border import (
        BrokerStatus,
    )
    from .service import (
        Contract,
        Service,
        WorkflowDefinition,
    )
    from .stores.contract import (
        Consumer,
        DeadLetter,
        EventCount,
        FailedCommand,
        FeedStatistics,
        SentCommand,
    )
    from .stores.operating import (
        Act,
        Reset,
    )
    from .stores.receipts import (
        Receipt,
        ReceiptState,
        UnreadEvent,
        UnreadThen,
    )
    from .stores.retention import (
        Gap,
    )
    from .streams import (
        AfterDeadLetter,
        Ceiling,
        DeliverySemantics,
        FromBeginning,
        FromEventId,
        FromLatest,
        FromOffset,
        FromTimestamp,
        Lagging,
        Publication,
        Remote,
        Retention,
        Stream,
        StreamStatistics,
        StreamType,
        ToEventId,
        ToLatest,
        ToOffset,
        ToTimestamp,
        Unrouted,
    )
    from .subscriptions.batch import (
        BatchContext,
    )
    from .subscriptions.definition import (
        Breaker,
        Mode,
        OnUnknown,
        Retry,
        Subscription,
        Unread,
    )
    from .subscriptions.delivery import (
        Delivery,
        EventContext,
        Truncated,
    )
    from .subscriptions.replay import (
        Replay,
    )
    from .subscriptions.session import (
        Session,
    )
    from .workflows import (
        StreamWriter,
        Workflow,
    )

_HOMES = {
    "app": (
        "App",
        "Lifespan",
    ),
    "clock": (
        "Clock",
        "SystemClock",
    ),
    "commands.definition": (
        "CommandDefinition",
        "CommandKind",
    ),
    "commands.execution": (
        "CommandContext",
        "Outcome",
    ),
    "errors": (
        "BrokerUnavailableError",
        "CommandInTransactionError",
        "CommandRejectedError",
        "ConfigurationError",
        "ConnectionUnavailableError",
        "CursorMismatchError",
        "DeadlineExceededError",
        "DeliveryLostError",
        "EventNotAllowedError",
        "EventNotFoundError",
        "EventsWouldBeLostError",
        "MigrationLockedError",
        "Fault",
        "HandlerFailedError",
        "HeadwaterError",
        "HistoryUnavailableError",
        "IdempotencyConflictError",
        "LeaseLostError",
        "NotRunningError",
        "OutcomeUnknownError",
        "RejectedError",
        "ReplayUnavailableError",
        "SchemaChangedError",
        "SchemaMismatchError",
        "StoreUnavailableError",
        "StreamTruncatedError",
        "SubscriptionInUseError",
        "TransactionBudgetError",
        "TransactionRequiredError",
        "UnknownCommandError",
        "UnknownEventError",
        "UnknownStreamError",
        "UnknownSubscriptionError",
        "UnreadableEventError",
        "UpcastError",
        "VersionConflictError",
        "WorkflowEndedError",
        "WorkflowExistsError",
        "WorkflowNotFoundError",
    ),
    "events": (
        "Command",
        "Data",
        "Event",
        "Metadata",
        "Personal",
        "RecordedEvent",
        "UniqueItems",
        "Uri",
    ),
    "evolution": (
        "Envelope",
        "Registry",
        "Upcast",
        "Upcasting",
        "WithEnvelope",
    ),
    "operations.positions": (
        "Position",
        "Stall",
    ),
    "operations.crossings": (
        "Crossing",
        "Direction",
    ),
    "operations.management": (
        "Management",
        "manage",
    ),
    "relaying.border": ("BrokerStatus",),
    "service": (
        "Contract",
        "Service",
        "WorkflowDefinition",
    ),
    "stores.contract": (
        "Consumer",
        "DeadLetter",
        "EventCount",
        "FailedCommand",
        "FeedStatistics",
        "SentCommand",
    ),
    "stores.operating": (
        "Act",
        "Reset",
    ),
    "streams": (
        "AfterDeadLetter",
        "Ceiling",
        "DeliverySemantics",
        "FromBeginning",
        "FromEventId",
        "FromLatest",
        "FromOffset",
        "FromTimestamp",
        "Lagging",
        "Publication",
        "Remote",
        "Retention",
        "Stream",
        "StreamStatistics",
        "StreamType",
        "ToEventId",
        "ToLatest",
        "ToOffset",
        "ToTimestamp",
        "Unrouted",
    ),
    "stores.receipts": (
        "Receipt",
        "ReceiptState",
        "UnreadEvent",
        "UnreadThen",
    ),
    "stores.retention": ("Gap",),
    "subscriptions.batch": ("BatchContext",),
    "subscriptions.definition": (
        "Breaker",
        "Mode",
        "OnUnknown",
        "Retry",
        "Subscription",
        "Unread",
    ),
    "subscriptions.delivery": (
        "Delivery",
        "EventContext",
        "Truncated",
    ),
    "subscriptions.replay": ("Replay",),
    "subscriptions.session": ("Session",),
    "workflows": (
        "StreamWriter",
        "Workflow",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Act",
    "AfterDeadLetter",
    "App",
    "BatchContext",
    "Breaker",
    "BrokerStatus",
    "BrokerUnavailableError",
    "Ceiling",
    "Clock",
    "Command",
    "CommandContext",
    "CommandDefinition",
    "CommandInTransactionError",
    "CommandKind",
    "CommandRejectedError",
    "ConfigurationError",
    "ConnectionUnavailableError",
    "Consumer",
    "Contract",
    "Crossing",
    "CursorMismatchError",
    "Data",
    "DeadLetter",
    "DeadlineExceededError",
    "Delivery",
    "DeliveryLostError",
    "DeliverySemantics",
    "Direction",
    "Envelope",
    "Event",
    "EventContext",
    "EventCount",
    "EventNotAllowedError",
    "EventNotFoundError",
    "EventsWouldBeLostError",
    "FailedCommand",
    "Fault",
    "FeedStatistics",
    "FromBeginning",
    "FromEventId",
    "FromLatest",
    "FromOffset",
    "FromTimestamp",
    "Gap",
    "HandlerFailedError",
    "HeadwaterError",
    "HistoryUnavailableError",
    "IdempotencyConflictError",
    "Lagging",
    "LeaseLostError",
    "Lifespan",
    "Management",
    "Metadata",
    "MigrationLockedError",
    "Mode",
    "NotRunningError",
    "OnUnknown",
    "Outcome",
    "OutcomeUnknownError",
    "Personal",
    "Position",
    "Publication",
    "Receipt",
    "ReceiptState",
    "RecordedEvent",
    "Registry",
    "RejectedError",
    "Remote",
    "Replay",
    "ReplayUnavailableError",
    "Reset",
    "Retention",
    "Retry",
    "SchemaChangedError",
    "SchemaMismatchError",
    "SentCommand",
    "Service",
    "Session",
    "Stall",
    "StoreUnavailableError",
    "Stream",
    "StreamStatistics",
    "StreamTruncatedError",
    "StreamType",
    "StreamWriter",
    "Subscription",
    "SubscriptionInUseError",
    "SystemClock",
    "ToEventId",
    "ToLatest",
    "ToOffset",
    "ToTimestamp",
    "TransactionBudgetError",
    "TransactionRequiredError",
    "Truncated",
    "UniqueItems",
    "UnknownCommandError",
    "UnknownEventError",
    "UnknownStreamError",
    "UnknownSubscriptionError",
    "Unread",
    "UnreadEvent",
    "UnreadThen",
    "UnreadableEventError",
    "Unrouted",
    "Upcast",
    "UpcastError",
    "Upcasting",
    "Uri",
    "VersionConflictError",
    "WithEnvelope",
    "Workflow",
    "WorkflowDefinition",
    "WorkflowEndedError",
    "WorkflowExistsError",
    "WorkflowNotFoundError",
    "manage",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
