"""HW6xx: workflows and commands."""

from ..problems import Code

__all__ = ["CODES"]

_USERS = (
    "streams:\n  users: {type: persistent}\n"
    "workflows:\n  User: {stream: users, events: {UserAdded: {}, UserRemoved: {}}}\n"
)

CODES = (
    Code(
        "HW601",
        "there is no such workflow",
        "Workflows are declared under workflows.",
        wrong=f"{_USERS}commands:\n  AddUser: {{starts: Usr}}",
        right=f"{_USERS}commands:\n  AddUser: {{starts: User}}",
    ),
    Code(
        "HW602",
        "this command has no such key",
        "id makes a field the id of a workflow that the command starts; by names the field that "
        "tells which workflow it continues. A command with stream is about no single workflow.",
        wrong=f"{_USERS}commands:\n"
        "  RemoveUser: {continues: User, id: user_id, fields: {user_id: int}}",
        right=f"{_USERS}commands:\n"
        "  RemoveUser: {continues: User, by: user_id, fields: {user_id: int}}",
    ),
    Code(
        "HW603",
        "a command does not tell which workflow",
        "A command that may continue a workflow needs a field with its id: <workflow>_id, or the "
        "one that by names. id and by name fields of the command.",
        wrong=f"{_USERS}commands:\n  RemoveUser: {{continues: User, fields: {{number: int}}}}",
        right=f"{_USERS}commands:\n"
        "  RemoveUser: {continues: User, by: number, fields: {number: int}}",
    ),
    Code(
        "HW604",
        "a field cannot hold an id",
        "The id of a workflow is an int, a string or a uuid, and always there. It stands in logs, "
        "answers and errors, so it must not be personal.",
        wrong=f"{_USERS}commands:\n  RemoveUser: {{continues: User, fields: {{user_id: float}}}}",
        right=f"{_USERS}commands:\n  RemoveUser: {{continues: User, fields: {{user_id: int}}}}",
    ),
    Code(
        "HW605",
        "a command cannot emit this event",
        "A command emits events of its workflow; one with stream, those of the workflows that "
        "record there.",
        wrong=f"{_USERS}commands:\n  AddUser: {{starts: User, emits: [UserAded]}}",
        right=f"{_USERS}commands:\n  AddUser: {{starts: User, emits: [UserAdded]}}",
    ),
)
