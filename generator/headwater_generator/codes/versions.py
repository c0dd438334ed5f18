"""HW8xx: versions of events, and the ops that lead from one to the next."""

from ..problems import Code

__all__ = ["CODES"]

_HEAD = (
    "streams:\n  users: {type: persistent}\nworkflows:\n  User:\n    stream: users\n    events:\n"
    "      UserAdded:\n"
)


def _spec(fields: str, ops: str, before: str, number: int = 1) -> str:
    upcast = f"        upcast: [{ops}]\n" if ops else ""
    return (
        f"{_HEAD}        fields: {{{fields}}}\n{upcast}"
        f"        history:\n          {number}: {{fields: {{{before}}}}}"
    )


CODES = (
    Code(
        "HW801",
        "versions are not numbered 1, 2, 3",
        "The versions in history are numbered from 1 without gaps; the head has the next number. "
        "Version 1 has no upcast, for nothing comes before it.",
        wrong=_spec("mail: email", "rename: {email: mail}", "email: email", 2),
        right=_spec("mail: email", "rename: {email: mail}", "email: email"),
    ),
    Code(
        "HW802",
        "an op names a field that is not there",
        "Ops are carried out in order, on the fields of the version before. An op that takes a "
        "field away leaves none for the next.",
        wrong=_spec("mail: email", "rename: {emial: mail}", "email: email"),
        right=_spec("mail: email", "rename: {email: mail}", "email: email"),
    ),
    Code(
        "HW803",
        "an op does not suit its field",
        "Each op takes fields of a certain type; the spec reference tells them. What may be null, "
        "or contains itself, often needs a custom op.",
        wrong=_spec("a: string, b: string", 'split: {field: n, into: [a, b], sep: "-"}', "n: int"),
        right=_spec(
            "a: string, b: string", 'split: {field: n, into: [a, b], sep: "-"}', "n: string"
        ),
    ),
    Code(
        "HW804",
        "an op makes a field that is there already",
        "No two fields have one name, at no point of the list of ops.",
        wrong=_spec("name: string", "add: {name: none}", "name: string"),
        right=_spec("name: string, team: string", "add: {team: none}", "name: string"),
    ),
    Code(
        "HW805",
        "no op makes a field of the newer version",
        "Older events lack it. Say what it is in them: a constant (add), another field (rename), "
        "or something made of others (format, compute, from_envelope).",
        wrong=_spec("user_id: int, team: string", "", "user_id: int"),
        right=_spec("user_id: int, team: string", "add: {team: none}", "user_id: int"),
    ),
    Code(
        "HW806",
        "no op takes a field away that the newer version lacks",
        "Say that it goes: `drop: [field]`, or `drop: {field: value}` with what it becomes on the "
        "way down.",
        wrong=_spec("user_id: int", "", "user_id: int, team: string"),
        right=_spec("user_id: int", 'drop: {team: ""}', "user_id: int, team: string"),
    ),
    Code(
        "HW807",
        "a field of an older event does not fit the newer version",
        "Only what became wider fits without an op: a new enum value, T to T | null, int to float, "
        "a looser constraint. The other way around, and for other types, an op changes the value.",
        wrong=_spec("user_id: string", "", "user_id: int"),
        right=_spec("user_id: string", "convert: {user_id: int_to_string}", "user_id: int"),
    ),
    Code(
        "HW808",
        "map_enum names a value that is not there",
        "`values` goes from values of the older enum, `back` leads to such values.",
        wrong="types:\n  Role: {enum: [member], history: {1: {enum: [user]}}}\n"
        + _spec("role: Role", "map_enum: {field: role, values: {usr: member}}", "role: Role@1"),
        right="types:\n  Role: {enum: [member], history: {1: {enum: [user]}}}\n"
        + _spec("role: Role", "map_enum: {field: role, values: {user: member}}", "role: Role@1"),
    ),
    Code(
        "HW809",
        "a text of format, or an expression of compute, is malformed",
        "In format, {name} stands for a field, {{ and }} for braces. In compute stands an "
        "expression of fields, constants, + - * / // %, comparisons, and or not, a if b else c, "
        "slices, and the functions that the spec reference lists.",
        wrong=_spec("a: int, b: int", 'compute: {b: "a ** 2"}', "a: int"),
        right=_spec("a: int, b: int", 'compute: {b: "a * a"}', "a: int"),
    ),
    Code(
        "HW810",
        "a split or merge has too few fields",
        "With one field there is nothing to take apart or put together.",
        wrong=_spec("a: string", 'split: {field: n, into: [a], sep: "-"}', "n: string"),
        right=_spec("a: string", "rename: {n: a}", "n: string"),
    ),
    Code(
        "HW811",
        "a pinned version cannot be served",
        "A subscription that names an old version, such as UserAdded@1, is given every event at "
        "it: older ones go up to it, newer ones down. Each op on the way down must be undoable, "
        "and what became wider needs a map_enum that leads back.",
        wrong=_spec("id: int", "drop: [team]", "id: int, team: string")
        + "\nsubscriptions:\n  old: {stream: users, mode: broadcast, events: [UserAdded@1]}",
        right=_spec("id: int", 'drop: {team: ""}', "id: int, team: string")
        + "\nsubscriptions:\n  old: {stream: users, mode: broadcast, events: [UserAdded@1]}",
    ),
)
