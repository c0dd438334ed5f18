"""Who may do what in a PostgreSQL database, as a script for its administrator.

| role | for | may |
|---|---|---|
| owner | `headwater migrate` | everything; it owns the tables, and no service runs as it |
| writer | a service | add events, never change one, and remove only ephemeral ones that were read |
| reader | replays, listings, dashboards | look |
| retention | `headwater streams retention` | look, and remove what is old |

The script can be run again at any time, and should be after an upgrade that has made tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from headwater.errors import ConfigurationError
from headwater.schema.revisions import REVISIONS_TABLE
from headwater.schema.tables import (
    APPEND_KEYS,
    AUDIT,
    CURSORS,
    DEAD_LETTERS,
    EVENTS,
    LEASES,
    READ_RECEIPTS,
    STREAMS,
    TABLES,
    WORKFLOWS,
)

__all__ = ["ROLES", "grants"]

ROLES = ("owner", "writer", "reader", "retention")

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")

_HEAD = """\
-- Roles of a Headwater database: {prefix}_owner, {prefix}_writer, {prefix}_reader and
-- {prefix}_retention. For an administrator of the database; it can be run again at any time.
-- People and services log in as roles of their own, which are given one of these:
--     GRANT {prefix}_writer TO users_service;
-- Tables are made, and owned, by the owner:
--     headwater migrate upgrade --database 'postgresql://deployer@host/db?role={prefix}_owner'

BEGIN;
"""

_CREATE_ROLE = """\
DO $$
BEGIN
  CREATE ROLE {role} NOLOGIN;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
"""

# A service removes what all have read of ephemeral streams, which lie among the other events.
_POLICIES = """\
ALTER TABLE {schema}.events ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS headwater_look ON {schema}.events;
CREATE POLICY headwater_look ON {schema}.events
  FOR SELECT USING (true);

DROP POLICY IF EXISTS headwater_add ON {schema}.events;
CREATE POLICY headwater_add ON {schema}.events
  FOR INSERT TO {prefix}_writer WITH CHECK (true);

DROP POLICY IF EXISTS headwater_tidy ON {schema}.events;
CREATE POLICY headwater_tidy ON {schema}.events
  FOR DELETE TO {prefix}_writer
  USING (EXISTS (SELECT 1 FROM {schema}.streams
                  WHERE name = stream AND type = 'ephemeral'));

DROP POLICY IF EXISTS headwater_retain ON {schema}.events;
CREATE POLICY headwater_retain ON {schema}.events
  FOR DELETE TO {prefix}_retention USING (true);
"""

_WRITES = {
    STREAMS.name: "SELECT, INSERT, UPDATE",
    WORKFLOWS.name: "SELECT, INSERT, UPDATE",
    EVENTS.name: "SELECT, INSERT, DELETE",  # of which rows, the policies say
    AUDIT.name: "SELECT, INSERT",  # nobody changes what was written down
}
_EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
_REMOVED_BY_RETENTION = (EVENTS.name, DEAD_LETTERS.name, READ_RECEIPTS.name, APPEND_KEYS.name)
# Where a stream begins, and what its readers have missed; a receipt is locked before it is removed.
_CHANGED_BY_RETENTION = {
    READ_RECEIPTS.name: "due_at",
    STREAMS.name: "first_offset, measured_to, size",
    CURSORS.name: "read_to, event_id, revision, truncated, truncated_from, truncated_to",
}


def grants(schema: str = "public", prefix: str = "headwater") -> str:
    """The script that makes the roles and gives them their rights on the tables of a schema.

    The rights are those on tables that are there; before the first upgrade there are none, and what
    is given is the right to make them. `prefix` is what the names of the roles begin with.

    Raises:
        ConfigurationError: A name is not of small letters, digits and `_`.
    """
    for name in (schema, prefix):
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} is no plain name; use small letters, digits and _, at most 40"
            )
    return "\n".join(_script(schema, prefix))


def _script(schema: str, prefix: str) -> Iterator[str]:
    yield _HEAD.format(prefix=prefix)
    for role in ROLES:
        yield _CREATE_ROLE.format(role=f"{prefix}_{role}")
    yield f"CREATE SCHEMA IF NOT EXISTS {schema};"
    yield f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;"
    yield f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {prefix}_owner;"
    others = ", ".join(f"{prefix}_{role}" for role in ROLES[1:])
    yield f"GRANT USAGE ON SCHEMA {schema} TO {others};"
    yield ""
    yield "DO $$"
    yield "BEGIN"
    yield f"IF to_regclass('{schema}.{REVISIONS_TABLE}') IS NULL THEN"
    yield "  RAISE NOTICE 'there are no tables yet: upgrade the database, then run this again';"
    yield "  RETURN;"
    yield "END IF;"
    yield ""
    every = [*(table.name for table in TABLES), REVISIONS_TABLE]
    for name in every:
        yield f"ALTER TABLE {schema}.{name} OWNER TO {prefix}_owner;"
    listed = ", ".join(f"{schema}.{name}" for name in every)
    yield f"REVOKE ALL ON {listed} FROM {others};"
    yield f"GRANT SELECT ON {listed} TO {others};"
    for table in TABLES:
        rights = _WRITES.get(table.name, _EVERYTHING)
        yield f"GRANT {rights} ON {schema}.{table.name} TO {prefix}_writer;"
    for name in _REMOVED_BY_RETENTION:
        yield f"GRANT DELETE ON {schema}.{name} TO {prefix}_retention;"
    for name, columns in _CHANGED_BY_RETENTION.items():
        yield f"GRANT UPDATE ({columns}) ON {schema}.{name} TO {prefix}_retention;"
    yield f"GRANT INSERT, UPDATE ON {schema}.{LEASES.name} TO {prefix}_retention;"
    yield ""
    yield _POLICIES.format(schema=schema, prefix=prefix)
    yield "END $$;"
    yield ""
    yield "COMMIT;"
    yield ""
