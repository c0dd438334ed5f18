"""What the writer is asked for beside commits: streams, cursors and claims, each in one step."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from headwater.errors import ConfigurationError, CursorMismatchError
from headwater.stores.contract import Claims, Feed, FeedKey
from headwater.stores.guards import feed_name
from headwater.streams import Stream

from .feeds import CURSOR_FORMAT
from .positions import find_position
from .rows import microseconds, wanted_text
from .transaction import Head, Transaction

__all__ = [
    "add_streams",
    "claim",
    "data_version",
    "nothing_to_claim",
    "pause",
    "register",
    "resume",
    "unregister",
]

_INSERT_STREAM = """
INSERT INTO streams (name, type, head, first_offset, epoch, dropped, recorded_at, registrations,
                     readers, last_token)
VALUES (?, ?, 0, 1, ?, 0, NULL, 0, 0, 0)
"""


def add_streams(transaction: Transaction, streams: Sequence[Stream]) -> list[Stream]:
    """Have the streams; those that are there stay as they are. Returns the new ones.

    Raises:
        ConfigurationError: Some are there as another type; then none was added.
    """
    known: dict[str, Head] = {}
    for stream in streams:
        try:
            known[stream.name] = transaction.head(stream.name)
        except KeyError:
            continue
    if problems := [
        f"the stream {stream.name} is {known[stream.name].type} in this database, and the service "
        f"wants it {stream.type.value}: give it another name, or use another database"
        for stream in streams
        if stream.name in known and known[stream.name].type != stream.type.value
    ]:
        raise ConfigurationError(*problems)
    created = [stream for stream in streams if stream.name not in known]
    for stream in created:
        transaction.connection.execute(
            _INSERT_STREAM, (stream.name, stream.type.value, secrets.randbits(62))
        )
    return created


_UPDATE_WANTED = """
UPDATE cursors
   SET events = ?, sequence = ?, revision = revision + 1
 WHERE id = ?
"""

_INSERT_CURSOR = """
INSERT INTO cursors (subscription, consumer, stream, events, sequence, format, epoch, read_to,
                     event_id, revision, last_token, skipped)
VALUES (?, ?, ?, ?, ?, ?, ?, ?,
        (SELECT id FROM events WHERE stream = ? AND stream_offset = ?), 0, ?, 0)
"""


def register(transaction: Transaction, feed: Feed) -> None:
    """Have the feed; one that is there keeps its cursor and takes on the other settings.

    Raises:
        CursorMismatchError: One that is there was written for another stream.
    """
    head = transaction.head(feed.stream)
    wanted = wanted_text(feed.events)
    known = transaction.find_feed(feed.key)
    if known is None:
        transaction.flush_heads()
        read_to = find_position(transaction.connection, feed.stream, feed.start)
        transaction.connection.execute(
            _INSERT_CURSOR,
            (
                feed.key.subscription,
                feed.key.consumer or "",
                feed.stream,
                wanted,
                feed.order.value,
                CURSOR_FORMAT,
                head.epoch,
                read_to,
                feed.stream,
                read_to,
                head.last_token,
            ),
        )
        head.readers += 1
    elif known.stream != feed.stream:
        raise CursorMismatchError(
            feed_name(feed.key), feed.stream, f"it was written for {known.stream}"
        )
    elif (known.events, known.order) == (feed.events, feed.order):
        return
    else:
        known.flush()
        transaction.connection.execute(_UPDATE_WANTED, (wanted, feed.order.value, known.id))
        transaction.drop_feed(feed.key)
    head.registrations += 1
    head.is_changed = True


_DELETE_DELIVERIES = """
DELETE FROM deliveries
 WHERE cursor_id = ?
"""

_DELETE_CURSOR = """
DELETE FROM cursors
 WHERE id = ?
"""


def unregister(transaction: Transaction, key: FeedKey) -> None:
    """Forget the feed, its cursor and its claims, if there is one."""
    feed = transaction.find_feed(key)
    if feed is None:
        return
    head = transaction.head(feed.stream)
    head.last_token = max(head.last_token, feed.last_token)
    head.readers -= 1
    head.registrations += 1
    head.is_changed = True
    transaction.drop_feed(key)
    transaction.connection.execute(_DELETE_DELIVERIES, (feed.id,))
    transaction.connection.execute(_DELETE_CURSOR, (feed.id,))
    transaction.tidy(feed.stream)


def claim(transaction: Transaction, feed: Feed, holder: str, limit: int) -> Claims:
    """Hand out up to `limit` events of the feed.

    Raises:
        UnknownSubscriptionError: There is no such feed.
        CursorMismatchError: Its cursor was written for another stream.
    """
    found = transaction.feed(feed.key)
    if _is_paused(transaction, feed):
        return Claims((), None)
    transaction.flush_events()
    claims, is_cut_short = found.claim(
        holder,
        limit,
        in_flight=feed.in_flight,
        ack_timeout=microseconds(feed.ack_timeout),
        head=transaction.head(feed.stream).head,
        now=transaction.now,
    )
    if is_cut_short:
        transaction.woken.add(feed.key)
    return claims


def nothing_to_claim(transaction: Transaction, feed: Feed, holder: str) -> Claims | None:
    """The answer to `claim` if there is nothing to hand out and nothing to change."""
    found = transaction.feed(feed.key)
    if _is_paused(transaction, feed):
        return Claims((), None)
    head = transaction.head(feed.stream).head
    if found.may_hand_out(holder, feed.in_flight, head, transaction.now):
        return None
    return Claims((), found.next_due(transaction.now))


_SELECT_PAUSE = """
SELECT 1
  FROM pauses
 WHERE subscription = ?
"""


def _is_paused(transaction: Transaction, feed: Feed) -> bool:
    found = transaction.connection.execute(_SELECT_PAUSE, (feed.key.subscription,)).fetchone()
    return found is not None


_INSERT_PAUSE = """
INSERT OR IGNORE INTO pauses (subscription, paused_at)
VALUES (?, ?)
"""


def pause(transaction: Transaction, subscription: str) -> None:
    """Hand out none of the subscription's events."""
    transaction.connection.execute(_INSERT_PAUSE, (subscription, transaction.now))


_DELETE_PAUSE = """
DELETE FROM pauses
 WHERE subscription = ?
"""


def resume(transaction: Transaction, subscription: str) -> None:
    """Hand out the subscription's events again."""
    transaction.connection.execute(_DELETE_PAUSE, (subscription,))


def data_version(transaction: Transaction) -> int:
    """A number that changes when another connection has written to the file."""
    [version] = transaction.connection.execute("PRAGMA data_version").fetchone()
    return int(version)
