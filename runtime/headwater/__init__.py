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
        MigrationLockedError,
        NotRunningError,
        OutcomeUnknownError,
        RejectedError,
        ReplayUnavailableError,
        SchemaChangedError,
        SchemaMismatchError,
        StoreUnavailableError,
        TransactionBudgetError,
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
    )
    from .operations.management import (
        Management,
        manage,
    )
    from .service import (
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
    from .streams import (
        DeliverySemantics,
        FromBeginning,
        FromEventId,
        FromLatest,
        FromOffset,
        FromTimestamp,
        Stream,
        StreamStatistics,
        StreamType,
        ToEventId,
        ToLatest,
        ToOffset,
        ToTimestamp,
    )
    from .subscriptions.definition import (
        Mode,
        OnUnknown,
        Retry,
        Subscription,
    )
    from .subscriptions.delivery import (
        Delivery,
        EventContext,
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
        "NotRunningError",
        "OutcomeUnknownError",
        "RejectedError",
        "ReplayUnavailableError",
        "SchemaChangedError",
        "SchemaMismatchError",
        "StoreUnavailableError",
        "TransactionBudgetError",
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
    ),
    "operations.management": (
        "Management",
        "manage",
    ),
    "service": (
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
    "streams": (
        "DeliverySemantics",
        "FromBeginning",
        "FromEventId",
        "FromLatest",
        "FromOffset",
        "FromTimestamp",
        "Stream",
        "StreamStatistics",
        "StreamType",
        "ToEventId",
        "ToLatest",
        "ToOffset",
        "ToTimestamp",
    ),
    "subscriptions.definition": (
        "Mode",
        "OnUnknown",
        "Retry",
        "Subscription",
    ),
    "subscriptions.delivery": (
        "Delivery",
        "EventContext",
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
    "App",
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
    "CursorMismatchError",
    "Data",
    "DeadLetter",
    "DeadlineExceededError",
    "Delivery",
    "DeliveryLostError",
    "DeliverySemantics",
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
    "HandlerFailedError",
    "HeadwaterError",
    "HistoryUnavailableError",
    "IdempotencyConflictError",
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
    "RecordedEvent",
    "Registry",
    "RejectedError",
    "Replay",
    "ReplayUnavailableError",
    "Retry",
    "SchemaChangedError",
    "SchemaMismatchError",
    "SentCommand",
    "Service",
    "Session",
    "StoreUnavailableError",
    "Stream",
    "StreamStatistics",
    "StreamType",
    "StreamWriter",
    "Subscription",
    "SystemClock",
    "ToEventId",
    "ToLatest",
    "ToOffset",
    "ToTimestamp",
    "TransactionBudgetError",
    "UniqueItems",
    "UnknownCommandError",
    "UnknownEventError",
    "UnknownStreamError",
    "UnknownSubscriptionError",
    "UnreadableEventError",
    "Upcast",
    "UpcastError",
    "Upcasting",
    "Uri",
    "VersionConflictError",
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
