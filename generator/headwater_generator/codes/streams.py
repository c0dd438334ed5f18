"""HW5xx: streams and subscriptions."""

from ..problems import Code

__all__ = ["CODES"]

_USERS = (
    "streams:\n  users: {type: persistent}\n"
    "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
)

CODES = (
    Code(
        "HW501",
        "there is no such stream",
        "Streams are declared under streams.",
        wrong="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: user, events: {UserAdded: {}}}",
        right="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}",
    ),
    Code(
        "HW502",
        "an event is not in the stream",
        "A subscription reads one stream, which has the events of the workflows that record there.",
        wrong=f"{_USERS}subscriptions:\n"
        "  audit: {stream: users, mode: broadcast, events: [UserAded]}",
        right=f"{_USERS}subscriptions:\n"
        "  audit: {stream: users, mode: broadcast, events: [UserAdded]}",
    ),
    Code(
        "HW503",
        "a stream has no events",
        "No workflow records events in it, so there is nothing to read or to emit.",
        wrong="streams:\n  users: {type: persistent}\n"
        "subscriptions:\n  audit: {stream: users, mode: broadcast}",
        right=f"{_USERS}subscriptions:\n  audit: {{stream: users, mode: broadcast}}",
    ),
    Code(
        "HW504",
        "an ephemeral stream has no past",
        "Its events are gone once they were consumed; a subscription gets those that are recorded "
        "from its creation on.",
        wrong="streams:\n  users: {type: ephemeral}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n  audit: {stream: users, mode: broadcast, start: beginning}",
        right="streams:\n  users: {type: ephemeral}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n  audit: {stream: users, mode: broadcast}",
    ),
    Code(
        "HW505",
        "a setting has no effect",
        "With at-most-once an event is acknowledged before the handler runs: there is nothing to "
        "try again, and nothing to wait for, be it an acknowledgement or a dead letter. Consumers "
        "that share one cursor have none of their own to lose when they expire, only those of a "
        "consumer group stand by for each other, and only with read receipts is it known what is "
        "unread. What is said of a handler has no effect without one.",
        wrong=f"{_USERS}subscriptions:\n  audit:\n    stream: users\n    mode: exclusive\n"
        "    delivery: at-most-once\n    retry: {attempts: 3}",
        right=f"{_USERS}subscriptions:\n  audit:\n    stream: users\n    mode: exclusive\n"
        "    retry: {attempts: 3}",
    ),
    Code(
        "HW506",
        "the first wait is longer than the longest",
        "Waits double from initial up to max. Without max it is 60s, without initial 1s.",
        wrong=f"{_USERS}subscriptions:\n  audit:\n    stream: users\n    mode: exclusive\n"
        "    retry: {backoff: {initial: 5m}}",
        right=f"{_USERS}subscriptions:\n  audit:\n    stream: users\n    mode: exclusive\n"
        "    retry: {backoff: {initial: 5m, max: 1h}}",
    ),
    Code(
        "HW507",
        "an ephemeral stream cannot be replayed",
        "Its events are gone once they were consumed; there is nothing to allow, or to forbid.",
        wrong="streams:\n  users: {type: ephemeral, replay: false}",
        right="streams:\n  users: {type: persistent, replay: false}",
    ),
    Code(
        "HW508",
        "an iterator does not inherit exactly-once",
        "Exactly-once is a promise about an effect: it is committed together with the event's "
        "acknowledgement. The runtime keeps it for handlers. A loop has done its work before it "
        "acknowledges, so it keeps it in `async with delivery.transaction() as connection` only: "
        "a subscription with handler: false says itself how often it delivers. Where it says "
        "exactly-once, an acknowledgement outside of such a transaction is refused.",
        wrong="streams:\n  users: {type: persistent, delivery: exactly-once}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n  audit: {stream: users, mode: broadcast, handler: false}",
        right="streams:\n  users: {type: persistent, delivery: exactly-once}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n"
        "  audit: {stream: users, mode: broadcast, handler: false, delivery: at-least-once}",
    ),
    Code(
        "HW509",
        "a handler may take longer than its event is its own",
        "After ack_timeout an event counts as failed and is handed out again. A handler that still "
        "ran then would do its work twice, so timeout is below ack_timeout, which is 30s where "
        "nothing is said.",
        wrong=f"{_USERS}subscriptions:\n  audit: {{stream: users, mode: exclusive, timeout: 1m}}",
        right=f"{_USERS}subscriptions:\n"
        "  audit: {stream: users, mode: exclusive, timeout: 1m, ack_timeout: 2m}",
    ),
    Code(
        "HW510",
        "a mode needs a persistent stream",
        "A consumer group divides the workflows of a log among its consumers, and each part has a "
        "cursor in it; of a read-receipt it is kept who has read what. An ephemeral stream has no "
        "log: an event is gone once it was consumed. "
        "There, exclusive consumers compete for the events and keep the order of each workflow.",
        wrong="streams:\n  users: {type: ephemeral}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n  directory: {stream: users, mode: consumer-group}",
        right="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n  directory: {stream: users, mode: consumer-group}",
    ),
    Code(
        "HW511",
        "a batch cannot be delivered at most once",
        "At most once, events are acknowledged before their handler runs, so those of a batch are "
        "lost together if one of them fails. Otherwise a batch that failed comes again, event by "
        "event, and the others take no harm.",
        wrong=f"{_USERS}subscriptions:\n  audit:\n    stream: users\n    mode: exclusive\n"
        "    delivery: at-most-once\n    batch: 100",
        right=f"{_USERS}subscriptions:\n  audit:\n    stream: users\n    mode: exclusive\n"
        "    batch: 100",
    ),
    Code(
        "HW512",
        "what is not read cannot come again",
        "With `then: requeue` an event that nobody read in time is delivered again, perhaps to a "
        "handler that has done its work already. At most once and exactly once promise that this "
        "does not happen.",
        wrong=f"{_USERS}subscriptions:\n  notices:\n    stream: users\n    mode: read-receipt\n"
        "    delivery: exactly-once\n    unread: {timeout: 24h, then: requeue}",
        right=f"{_USERS}subscriptions:\n  notices:\n    stream: users\n    mode: read-receipt\n"
        "    unread: {timeout: 24h, then: requeue}",
    ),
    Code(
        "HW520",
        "an ephemeral stream retains nothing",
        "Its events go once every subscription has consumed them; there is nothing to remove "
        "later.",
        wrong="streams:\n  users: {type: ephemeral, retention: {age: 90d}}",
        right="streams:\n  users: {type: persistent, retention: {age: 90d}}",
    ),
    Code(
        "HW521",
        "a retention has no limit",
        "A retention, or its ceiling, says by age, by number or by size what exceeds it.",
        wrong="streams:\n  users: {type: persistent, retention: {lagging: gap}}",
        right="streams:\n  users: {type: persistent, retention: {age: 90d, lagging: gap}}",
    ),
    Code(
        "HW522",
        "a ceiling has no effect",
        "A ceiling says how far behind those who lag are waited for. With lagging: gap nobody is, "
        "and at or below the retention's own limit there is nothing to wait for.",
        wrong="streams:\n  users:\n    type: persistent\n"
        "    retention: {age: 90d, ceiling: {age: 30d}}",
        right="streams:\n  users:\n    type: persistent\n"
        "    retention: {age: 90d, ceiling: {age: 180d}}",
    ),
    Code(
        "HW530",
        "a published event is not in the stream",
        "A stream publishes all its events, and at says at which version each leaves. They are "
        "those of the workflows that record in the stream.",
        wrong="streams:\n  users: {type: persistent, publish: {at: [UserAded@1]}}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}",
        right="streams:\n  users: {type: persistent, publish: {at: [UserAdded@1]}}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}",
    ),
    Code(
        "HW531",
        "an event cannot leave at this version",
        "An event is recorded in its newest version and leaves at the one that at names, so that "
        "those who read it keep understanding it. That version is there, and the ops of every "
        "version since have a way down: `headwater explain EVENT` shows where there is none.",
        wrong="streams:\n  users: {type: persistent, publish: {at: [UserAdded@2]}}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}",
        right="streams:\n  users: {type: persistent, publish: {at: [UserAdded@1]}}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}",
    ),
    Code(
        "HW532",
        "an event would leave at two versions",
        "Each event leaves once, at one version. Who needs a newer one brings it up: the client "
        "package knows every version.",
        wrong="streams:\n  users: {type: persistent, publish: {at: [UserAdded@1, UserAdded@2]}}\n"
        "workflows:\n  User:\n    stream: users\n    events:\n"
        "      UserAdded: {fields: {}, history: {1: {fields: {}}}}",
        right="streams:\n  users: {type: persistent, publish: {at: [UserAdded@1]}}\n"
        "workflows:\n  User:\n    stream: users\n    events:\n"
        "      UserAdded: {fields: {}, history: {1: {fields: {}}}}",
    ),
)
