"""What the writer is asked for beside commits: streams, cursors and claims, each in one step."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from headwater.errors import ConfigurationError, CursorMismatchError
from headwater.stores.contract import Claims, Feed, FeedKey
from headwater.stores.guards import feed_name
from headwater.stores.retention import missed_at_start
from headwater.streams import AfterDeadLetter, Stream

from .acts import write_act
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
                     readers, last_token, measured_to, size)
VALUES (?, ?, 0, 1, ?, 0, NULL, 0, 0, 0, 0, 0)
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
                     event_id, revision, last_token, skipped, truncated, owner, owner_epoch,
                     truncated_from, truncated_to)
VALUES (?, ?, ?, ?, ?, ?, ?, ?,
        (SELECT id FROM events WHERE stream = ? AND stream_offset = ?), 0, ?, 0, ?, '', 0, ?, ?)
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
        gap = missed_at_start(feed.start, head.first_offset)
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
                0 if gap is None else gap.last - gap.first + 1,
                None if gap is None else gap.first,
                None if gap is None else gap.last,
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

_DELETE_RECEIPTS = """
DELETE FROM read_receipts
 WHERE subscription = ? AND consumer = ?
"""

_DELETE_CURSOR = """
DELETE FROM cursors
 WHERE id = ?
"""


def unregister(transaction: Transaction, key: FeedKey) -> bool:
    """Forget the feed, its cursor and its claims; whether there was one."""
    feed = transaction.find_feed(key)
    if feed is None:
        return False
    head = transaction.head(feed.stream)
    head.last_token = max(head.last_token, feed.last_token)
    head.readers -= 1
    head.registrations += 1
    head.is_changed = True
    transaction.drop_feed(key)
    transaction.connection.execute(_DELETE_DELIVERIES, (feed.id,))
    transaction.connection.execute(_DELETE_RECEIPTS, (key.subscription, key.consumer or ""))
    transaction.connection.execute(_DELETE_CURSOR, (feed.id,))
    transaction.tidy(feed.stream)
    return True


def claim(transaction: Transaction, feed: Feed, holder: str, limit: int) -> Claims:
    """Hand out up to `limit` events of the feed.

    Raises:
        UnknownSubscriptionError: There is no such feed.
        CursorMismatchError: Its cursor was written for another stream.
    """
    found = transaction.feed(feed.key)
    if _is_paused(transaction, feed):
        return Claims((), None)
    if found.gap is not None:
        return Claims((), None, found.gap)
    transaction.flush_events()
    claims, is_cut_short = found.claim(
        holder,
        limit,
        in_flight=feed.in_flight,
        ack_timeout=microseconds(feed.ack_timeout),
        run=feed.run,
        head=transaction.head(feed.stream).head,
        now=transaction.now,
        waits=_waits(feed),
    )
    if _waits(feed):
        transaction.tidy(feed.stream)  # of what was set aside
    if is_cut_short:
        transaction.woken.add(feed.key)
    return claims


def nothing_to_claim(transaction: Transaction, feed: Feed, holder: str) -> Claims | None:
    """The answer to `claim` if there is nothing to hand out and nothing to change."""
    found = transaction.feed(feed.key)
    if _is_paused(transaction, feed):
        return Claims((), None)
    if found.gap is not None:
        return Claims((), None, found.gap)
    head = transaction.head(feed.stream).head
    if found.may_hand_out(holder, feed.in_flight, head, transaction.now, waits=_waits(feed)):
        return None
    return Claims((), found.next_due(transaction.now))


def _waits(feed: Feed) -> bool:
    return feed.after_dead_letter is AfterDeadLetter.WAIT


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


def pause(transaction: Transaction, subscription: str, actor: str) -> None:
    """Hand out none of the subscription's events."""
    done = transaction.connection.execute(_INSERT_PAUSE, (subscription, transaction.now))
    if done.rowcount:
        write_act(transaction, "pause", subscription, {}, actor)
    transaction.regrouped.add(subscription)


_DELETE_PAUSE = """
DELETE FROM pauses
 WHERE subscription = ?
"""


def resume(transaction: Transaction, subscription: str, actor: str) -> None:
    """Hand out the subscription's events again."""
    if transaction.connection.execute(_DELETE_PAUSE, (subscription,)).rowcount:
        write_act(transaction, "resume", subscription, {}, actor)
    transaction.regrouped.add(subscription)


def data_version(transaction: Transaction) -> int:
    """A number that changes when another connection has written to the file."""
    [version] = transaction.connection.execute("PRAGMA data_version").fetchone()
    return int(version)
