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
        "try again, and nothing to wait for. Consumers that share one cursor have none of their "
        "own to lose when they expire.",
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
)
