"""Statements that only read: streams, workflows, answers."""

from __future__ import annotations

__all__ = [
    "SELECT_ANSWER",
    "SELECT_EVENTS",
    "SELECT_HISTORY",
    "SELECT_PAUSED",
    "SELECT_STATISTICS",
    "SELECT_WORKFLOW",
]

# Both bounds are given: offsets have no gaps, so a page is found without counting rows. What all
# readers of an ephemeral stream have consumed is not there any more, whether or not it was removed
# yet: `consumed` is its last offset.
SELECT_EVENTS = """
WITH consumed AS MATERIALIZED (
  SELECT greatest(streams.first_offset - 1,
                  CASE WHEN streams.type = 'ephemeral' THEN
                    (SELECT coalesce(min(coalesce(
                              (SELECT min(stream_offset) - 1
                                 FROM deliveries
                                WHERE cursor_id = cursors.id),
                              (SELECT min(ahead.stream_offset) - 1
                                 FROM events AS ahead
                                WHERE ahead.stream = cursors.stream
                                  AND ahead.stream_offset > cursors.read_to
                                  AND (cursors.events IS NULL
                                       OR ahead.name IN (SELECT json_array_elements_text(
                                                                  cursors.events::json)))),
                              streams.head)), streams.head)
                       FROM cursors
                      WHERE cursors.stream = streams.name)
                  END) AS through
    FROM streams
   WHERE streams.name = $1
)
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata
  FROM events
 WHERE stream = $1
   AND stream_offset > greatest($2, (SELECT through FROM consumed))
   AND stream_offset <= $2 + $3
 ORDER BY stream_offset
"""

SELECT_STATISTICS = """
SELECT streams.head,
       streams.head
         - greatest(streams.first_offset - 1,
                    CASE WHEN streams.type = 'ephemeral' THEN
                      (SELECT coalesce(min(coalesce(
                                (SELECT min(stream_offset) - 1
                                   FROM deliveries
                                  WHERE cursor_id = cursors.id),
                                (SELECT min(ahead.stream_offset) - 1
                                   FROM events AS ahead
                                  WHERE ahead.stream = cursors.stream
                                    AND ahead.stream_offset > cursors.read_to
                                    AND (cursors.events IS NULL
                                         OR ahead.name IN (SELECT json_array_elements_text(
                                                                    cursors.events::json)))),
                                streams.head)), streams.head)
                         FROM cursors
                        WHERE cursors.stream = streams.name)
                    END) AS length,
       streams.dropped
  FROM streams
 WHERE streams.name = $1
"""

SELECT_WORKFLOW = """
SELECT version, ended
  FROM workflows
 WHERE workflow = $1 AND workflow_id = $2
"""

SELECT_HISTORY = """
SELECT stream, stream_offset, id, name, version, workflow, workflow_id, workflow_version,
       recorded_at, data, metadata
  FROM events
 WHERE workflow = $1 AND workflow_id = $2 AND workflow_version <= $3 AND stream = $4
   AND stream_offset >= (SELECT first_offset FROM streams WHERE streams.name = $4)
 ORDER BY workflow_version
"""

SELECT_ANSWER = """
SELECT fingerprint, answer
  FROM append_keys
 WHERE key = $1
"""

SELECT_PAUSED = """
SELECT subscription
  FROM pauses
"""
