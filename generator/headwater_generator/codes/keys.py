"""HW1xx: keys and the shape of values."""

from ..problems import Code

__all__ = ["CODES"]

CODES = (
    Code(
        "HW101",
        "a key is unknown",
        "A key that is not known would have no effect, so it is most likely misspelt. Keys that "
        "begin with x- are yours, and are passed over.",
        wrong="streams:\n  users: {typ: persistent}",
        right="streams:\n  users: {type: persistent, x-owner: growth}",
    ),
    Code(
        "HW102",
        "a key is missing",
        "This key has no default.",
        wrong="streams:\n  users: {delivery: at-most-once}",
        right="streams:\n  users: {type: persistent, delivery: at-most-once}",
    ),
    Code(
        "HW103",
        "another kind of value is due",
        "A mapping, a list, a text, a number or a boolean stands where another of these is due. An "
        "event without fields is written {}.",
        wrong="streams: [users, invitations]",
        right="streams:\n  users: {type: persistent}\n  invitations: {type: ephemeral}",
    ),
    Code(
        "HW104",
        "a word is not possible here",
        "Only a few words have a meaning here.",
        wrong="streams:\n  users: {type: durable}",
        right="streams:\n  users: {type: persistent}",
    ),
    Code(
        "HW105",
        "a number is out of range",
        "Numbers and durations have bounds; the reference names them.",
        wrong="types:\n  Page: {fields: {size: {type: string, maxLength: -1}}}",
        right="types:\n  Page: {fields: {size: {type: string, maxLength: 80}}}",
    ),
    Code(
        "HW106",
        "this is not a duration",
        "A duration is a whole number with a unit: 100ms, 30s, 5m, 24h, 90d.",
        wrong="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n  audit: {stream: users, mode: exclusive, ack_timeout: 30}",
        right="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n  audit: {stream: users, mode: exclusive, ack_timeout: 30s}",
    ),
    Code(
        "HW107",
        "this is not a time with a zone",
        "A time without a zone is another moment on every machine.",
        wrong="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n"
        '  audit: {stream: users, mode: broadcast, start: {timestamp: "2024-05-01T12:00:00"}}',
        right="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n"
        '  audit: {stream: users, mode: broadcast, start: {timestamp: "2024-05-01T12:00:00Z"}}',
    ),
    Code(
        "HW108",
        "a list has something twice",
        "The second has no effect.",
        wrong="types:\n  Role: {enum: [member, admin, member]}",
        right="types:\n  Role: {enum: [member, admin]}",
    ),
    Code(
        "HW109",
        "this is not a size",
        "A size is a whole number with a unit of 1024: 512KiB, 64MiB, 10GiB, 2TiB.",
        wrong="streams:\n  users: {type: persistent, retention: {size: 10GB}}",
        right="streams:\n  users: {type: persistent, retention: {size: 10GiB}}",
    ),
    Code(
        "HW110",
        "exactly one of some keys is due",
        "These keys exclude each other, and one of them must be there: enum, fields or one_of for "
        "a type; starts, continues, starts_or_continues or stream for a command.",
        wrong="types:\n  Role: {enum: [member], fields: {name: string}}",
        right="types:\n  Role: {enum: [member]}",
    ),
    Code(
        "HW111",
        "something is empty",
        "An empty text, list or mapping says nothing here. Leave the key out, or fill it.",
        wrong="types:\n  Role: {enum: []}",
        right="types:\n  Role: {enum: [member]}",
    ),
)
