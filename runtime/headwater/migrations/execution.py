"""What a revision calls to be carried out, or taken back, by alembic.

Tables change by statements of the database that it runs on. Streams and schemas are added where
they are not there yet, so that a revision that was carried out in part, or replaces a draft, can be
carried out as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from headwater.schema import postgres, sqlite
from headwater.schema.operations import (
    AddSchema,
    AddStream,
    Operation,
    RemoveSchema,
    RemoveStream,
    Tables,
    opposite,
    replay,
)

__all__ = ["Dialect", "Setting", "carry_out", "take_back"]

Dialect: TypeAlias = Literal["postgresql", "sqlite"]

_EPOCH = {
    "postgresql": "floor(random() * 4611686018427387904)::bigint",
    "sqlite": "abs(random() % 4611686018427387904)",
}
_NOW = {
    "postgresql": "clock_timestamp()",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
}

_ADD_STREAM = """
INSERT INTO streams (name, type, head, first_offset, epoch, dropped, recorded_at, registrations,
                     readers, last_token, measured_to, size)
VALUES (:name, :type, 0, 1, {epoch}, 0, NULL, 0, 0, 0, 0, 0)
    ON CONFLICT (name) DO NOTHING
"""

_REMOVE_STREAM = (
    """
DELETE FROM workflows
 WHERE EXISTS (SELECT 1
                 FROM events
                WHERE events.stream = :name
                  AND events.workflow = workflows.workflow
                  AND events.workflow_id = workflows.workflow_id)
""",
    """
DELETE FROM deliveries
 WHERE cursor_id IN (SELECT id FROM cursors WHERE stream = :name)
""",
    "DELETE FROM cursors WHERE stream = :name",
    "DELETE FROM dead_letters WHERE stream = :name",
    "DELETE FROM events WHERE stream = :name",
    "DELETE FROM streams WHERE name = :name",
)

# What a version with events means is not changed: a service that means something else is refused.
_ADD_SCHEMA = """
INSERT INTO event_schemas (name, version, digest, schema, recorded_at)
VALUES (:event, :version, :digest, :schema, {now})
    ON CONFLICT (name, version) DO UPDATE
   SET digest = excluded.digest, schema = excluded.schema, recorded_at = excluded.recorded_at
 WHERE event_schemas.digest <> excluded.digest
   AND NOT EXISTS (SELECT 1 FROM events WHERE name = :event AND version = :version)
"""

_REMOVE_SCHEMA = """
DELETE FROM event_schemas
 WHERE name = :event
   AND version = :version
   AND digest = :digest
"""

Parent: TypeAlias = str | tuple[str, ...] | None
Statement: TypeAlias = tuple[str, Mapping[str, object]]
_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Setting:
    """What revisions are carried out in."""

    dialect: Dialect
    tables: Callable[[Parent], Tables]
    """The tables after a revision of the runtime; after its newest, if it is a service's."""
    schema: Callable[[str, int], str | None]
    """The JSON Schema of an event version, if the service still has it."""

    def statements(self, operation: Operation, before: Tables) -> Iterator[Statement]:
        """What carries out an operation, with the values of its parameters."""
        match operation:
            case AddStream(name, type_):
                text = _ADD_STREAM.format(epoch=_EPOCH[self.dialect])
                yield text, {"name": name, "type": type_}
            case RemoveStream(name, _):
                yield from ((text, {"name": name}) for text in _REMOVE_STREAM)
            case AddSchema(event, version, digest):
                # There can't be events of a version that no service has any more, but where its
                # schema is known already.
                if (schema := self.schema(event, version)) is not None:
                    values = {
                        "event": event,
                        "version": version,
                        "digest": digest,
                        "schema": schema,
                    }
                    yield _ADD_SCHEMA.format(now=_NOW[self.dialect]), values
            case RemoveSchema(event, version, digest):
                yield _REMOVE_SCHEMA, {"event": event, "version": version, "digest": digest}
            case _:
                words = (
                    postgres.operation_statements(operation)
                    if self.dialect == "postgresql"
                    else sqlite.operation_statements(operation, before)
                )
                yield from ((text, _NOTHING) for text in words)


def carry_out(parent: Parent, operations: Iterable[Operation]) -> None:
    """Carry out the operations of the revision that follows `parent`."""
    from alembic import op

    setting: Setting = op.get_context().opts["headwater"]
    before = setting.tables(parent)
    for operation in operations:
        _execute(setting.statements(operation, before))
        before = replay(before, [operation])


def take_back(parent: Parent, operations: Sequence[Operation]) -> None:
    """Undo the operations of the revision that follows `parent`, the last one first."""
    from alembic import op

    setting: Setting = op.get_context().opts["headwater"]
    for place in reversed(range(len(operations))):
        after = replay(setting.tables(parent), operations[: place + 1])
        _execute(setting.statements(opposite(operations[place]), after))


def _execute(statements: Iterable[Statement]) -> None:
    from alembic import op
    from sqlalchemy import text

    for statement, values in statements:
        op.execute(text(statement.strip()).bindparams(**values))
