"""Streams and subscriptions: what they refer to, and settings that would have no effect."""

from __future__ import annotations

from ..grammar import LIMITS, Ceiling, Retention, Subscription
from ..grammar.reading import alternatives
from ..load import Mapping, Place, at, listed
from ..names import client_module, pinned
from .scope import Scope

__all__ = ["RULES"]

ACK_TIMEOUT = 30.0  # seconds, where nothing is said
OF_HANDLERS = ("timeout", "batch", "breaker")
NEED_A_LOG = frozenset({"consumer-group", "read-receipt"})
OWN_CURSORS = frozenset({"broadcast", "read-receipt"})
"""Modes that only a persistent stream can be read in."""


def streams_exist(scope: Scope) -> None:
    """HW501, HW540: every stream that is named is declared, or one of a remote."""
    own = scope.streams - scope.remote_streams
    for section in (scope.spec.workflows, scope.spec.subscriptions, scope.spec.commands):
        for user in section.values():
            if user.stream is None or user.stream in scope.streams:
                continue
            place = at(user.node, "stream")
            known = scope.streams if isinstance(user, Subscription) else own
            if "/" in user.stream and isinstance(user, Subscription):
                _unknown_remote(scope, place, user.stream)
            else:
                scope.unknown(place, "HW501", "stream", user.stream, known)


def _unknown_remote(scope: Scope, place: Place, stream: str) -> None:
    service, _, name = stream.partition("/")
    if better := scope.suggest(stream, scope.remote_streams):
        hint = f'did you mean "{better}"?'
    elif service in scope.spec.remote:
        hint = f"add {name} to its streams under remote"
    else:
        hint = (
            f"declare it: remote: {{{service}: {{client: {client_module(service)}, "
            f"streams: [{name}]}}}}"
        )
    scope.add(place, "HW540", f'no remote has the stream "{stream}"', hint)


def events_are_of_the_stream(scope: Scope) -> None:
    """HW502: a subscription asks for events that its stream has."""
    for subscription in scope.spec.subscriptions.values():
        if subscription.stream not in scope.streams:
            continue
        for event, place in listed(subscription.node, "events", subscription.events or ()):
            name, _ = pinned(event)
            check_event(scope, place, name, subscription.stream, "HW502")


def streams_have_events(scope: Scope) -> None:
    """HW503: what is subscribed to, or written to, has events."""
    # A workflow that could not be read may be the one that writes there.
    if scope.broken_workflows:
        return
    for section in (scope.spec.subscriptions, scope.spec.commands):
        for user in section.values():
            if user.stream in scope.remote_streams:
                continue
            if user.stream in scope.streams and not scope.events_of_stream(user.stream):
                message = f'no workflow records events in "{user.stream}"'
                hint = f"give a workflow stream: {user.stream}"
                scope.add(at(user.node, "stream"), "HW503", message, hint)
    for name, stream in scope.spec.streams.items():
        if stream.publish and not scope.events_of_stream(name):
            message = f'no workflow records events in "{name}": there is nothing to publish'
            scope.add(
                at(stream.node, "publish"), "HW503", message, f"give a workflow stream: {name}"
            )


def starts_are_possible(scope: Scope) -> None:
    """HW504: only a persistent stream has a past to start from."""
    for subscription in scope.spec.subscriptions.values():
        stream = scope.spec.streams.get(subscription.stream)
        if stream is None or stream.origin:
            continue
        if stream.type == "ephemeral" and (place := _key(subscription.node, "start")):
            message = f'"{subscription.stream}" is ephemeral: it keeps no events to start from'
            scope.add(place, "HW504", message, "leave the key out")


def settings_have_an_effect(scope: Scope) -> None:
    """HW505: nothing is set for failures that the delivery never sees."""
    for subscription in scope.spec.subscriptions.values():
        if _delivery(scope, subscription) != "at-most-once":
            continue
        for name in ("retry", "ack_timeout", "after_dead_letter"):
            if place := _key(subscription.node, name):
                message = (
                    f'"{name}" has no effect with at-most-once: the event is acknowledged before'
                )
                scope.add(place, "HW505", message, "leave it out, or deliver at-least-once")


def handlers_have_an_end(scope: Scope) -> None:
    """HW509: a handler is over before its event counts as failed and goes to somebody else."""
    for subscription in scope.spec.subscriptions.values():
        if subscription.timeout is None or _delivery(scope, subscription) == "at-most-once":
            continue
        limit = subscription.ack_timeout or ACK_TIMEOUT
        if subscription.timeout >= limit:
            given = "" if subscription.ack_timeout else ", which it is without being set"
            message = (
                f'"timeout" is {subscription.timeout:g}s and "ack_timeout" {limit:g}s{given}: the '
                "event would be with somebody else while the handler still runs"
            )
            hint = f"a timeout below {limit:g}s, or a longer ack_timeout"
            scope.add(at(subscription.node, "timeout"), "HW509", message, hint)


def handler_settings_have_a_handler(scope: Scope) -> None:
    """HW505: what is said of a handler has one."""
    for subscription in scope.spec.subscriptions.values():
        for name in () if subscription.handler else OF_HANDLERS:
            if place := _key(subscription.node, name):
                message = f'"{name}" has no effect here: only iterators read it'
                scope.add(place, "HW505", message, "leave it out, or have a handler")


def batches_can_come_again(scope: Scope) -> None:
    """HW511: one event that fails does not cost the others."""
    for subscription in scope.spec.subscriptions.values():
        place = _key(subscription.node, "batch")
        if place and _delivery(scope, subscription) == "at-most-once":
            message = (
                "a batch cannot be delivered at most once: all its events are acknowledged before, "
                "and one that fails would lose the others too"
            )
            scope.add(place, "HW511", message, "leave it out, or deliver at-least-once")


def iterators_choose_exactly_once(scope: Scope) -> None:
    """HW508: what is promised of a handler's effect is not taken for granted of a loop."""
    for name, subscription in scope.spec.subscriptions.items():
        stream = scope.spec.streams.get(subscription.stream)
        if subscription.handler or subscription.delivery is not None or stream is None:
            continue
        if stream.delivery == "exactly-once":
            message = (
                f'"{name}" is read by iterators, which are not exactly-once as the stream is: '
                "what a loop does before it acknowledges cannot be undone"
            )
            hint = (
                "say delivery: at-least-once, or exactly-once if the loop works in "
                "`delivery.transaction()`"
            )
            scope.add(at(subscription.node, "handler"), "HW508", message, hint)


def consumers_have_something_to_lose(scope: Scope) -> None:
    """HW505: only a consumer with a cursor of its own can be forgotten."""
    for subscription in scope.spec.subscriptions.values():
        if subscription.mode in OWN_CURSORS:
            continue
        if place := _key(subscription.node, "expire_after"):
            message = '"expire_after" has no effect here: the consumers share one cursor'
            scope.add(place, "HW505", message, "leave it out, or make it a broadcast")


def groups_have_consumers(scope: Scope) -> None:
    """HW505: only the consumers of a group stand by for each other."""
    for subscription in scope.spec.subscriptions.values():
        if subscription.mode == "consumer-group":
            continue
        if place := _key(subscription.node, "max_consumers"):
            message = '"max_consumers" has no effect here: nothing is divided among the consumers'
            scope.add(place, "HW505", message, "leave it out, or make it a consumer-group")


def unread_events_are_known(scope: Scope) -> None:
    """HW505: only with read receipts is it known what is unread."""
    for subscription in scope.spec.subscriptions.values():
        if subscription.mode == "read-receipt":
            continue
        if place := _key(subscription.node, "unread"):
            message = '"unread" has no effect here: nobody says what they have read'
            scope.add(place, "HW505", message, "leave it out, or make it a read-receipt")


def unread_events_may_come_again(scope: Scope) -> None:
    """HW512: what is delivered again is not promised to be handled once."""
    for subscription in scope.spec.subscriptions.values():
        unread, delivery = subscription.unread, _delivery(scope, subscription)
        if unread is None or unread.then != "requeue" or delivery in {None, "at-least-once"}:
            continue
        message = (
            f"an event that is not read would be delivered again, and this subscription is "
            f"{delivery}"
        )
        hint = "say delivery: at-least-once, or then: dead-letter"
        scope.add(at(unread.node, "then"), "HW512", message, hint)


def modes_suit_their_streams(scope: Scope) -> None:
    """HW510: what is divided, or remembered for each consumer, is kept."""
    for subscription in scope.spec.subscriptions.values():
        stream = scope.spec.streams.get(subscription.stream)
        if stream is None or stream.origin:
            continue
        if stream.type == "ephemeral" and subscription.mode in NEED_A_LOG:
            message = (
                f'a {subscription.mode} needs a persistent stream, and "{subscription.stream}" is '
                "ephemeral"
            )
            hint = "make the stream persistent, or the mode exclusive or broadcast"
            scope.add(at(subscription.node, "mode"), "HW510", message, hint)


def replays_are_possible(scope: Scope) -> None:
    """HW507: only a persistent stream has something to read again, or to keep from being read."""
    for name, stream in scope.spec.streams.items():
        if stream.type == "ephemeral" and (place := _key(stream.node, "replay")):
            message = f'"{name}" is ephemeral: it keeps no events to replay'
            scope.add(place, "HW507", message, "leave the key out")


def retention_removes_something(scope: Scope) -> None:
    """HW520 to HW522: what is retained is kept in the first place, and each setting counts."""
    for name, stream in scope.spec.streams.items():
        retention = stream.retention
        if retention is None or (stream.origin and stream.origin.direct):
            continue
        if stream.type == "ephemeral" and (place := _key(stream.node, "retention")):
            message = f'"{name}" is ephemeral: its events go once they were consumed'
            scope.add(place, "HW520", message, "leave the key out")
            continue
        place = _key(stream.node, "retention")
        if place and not any(_key(retention.node, one) for one in LIMITS):
            message = "this keeps every event: there is no limit"
            scope.add(place, "HW521", message, f"give {alternatives(LIMITS)}, or leave it out")
        if retention.ceiling is not None:
            _check_ceiling(scope, retention, retention.ceiling)


def _check_ceiling(scope: Scope, retention: Retention, ceiling: Ceiling) -> None:
    place = _key(retention.node, "ceiling")
    if place is None:
        return
    if retention.lagging == "gap":
        message = "nobody is waited for with lagging: gap"
        scope.add(place, "HW522", message, "leave the ceiling out, or write lagging: hold")
    elif not any(_key(ceiling.node, one) for one in LIMITS):
        message = "this ceiling has no limit"
        scope.add(place, "HW521", message, f"give {alternatives(LIMITS)}, or leave it out")
    for one in LIMITS:
        limit, highest = getattr(retention, one), getattr(ceiling, one)
        inner = _key(ceiling.node, one)
        if inner and limit is not None and highest is not None and highest <= limit:
            message = f"the ceiling's {one} is not above the retention's: nobody is waited for"
            scope.add(inner, "HW522", message, "raise it, or write lagging: gap")


def backoffs_grow(scope: Scope) -> None:
    """HW506: the first wait is not longer than the longest."""
    for subscription in scope.spec.subscriptions.values():
        retry = subscription.retry
        if retry and retry.initial > retry.maximum:
            place = at(retry.node, "backoff")
            waits = f"the first wait, {retry.initial:g}s, is longer than the longest"
            message = f"{waits}, {retry.maximum:g}s"
            scope.add(place, "HW506", message)


def check_event(scope: Scope, place: Place, event: str, stream: str, code: str) -> None:
    """Report an event that is not one of a stream's."""
    known = scope.events_of_stream(stream)
    if event in known or not scope.is_readable(stream):
        return
    owner = scope.events.get(event)
    if owner is None or stream in scope.remote_streams:
        scope.unknown(place, code, "event", event, known)
    elif owner not in scope.broken_workflows:
        other = scope.spec.workflows[owner].stream
        if other in scope.streams:
            message = f'event "{event}" is not in stream "{stream}"'
            scope.add(place, code, message, f'workflow {owner} records it in "{other}"')


def _delivery(scope: Scope, subscription: Subscription) -> str | None:
    stream = scope.spec.streams.get(subscription.stream)
    return subscription.delivery or (stream.delivery if stream else None)


def _key(node: object, name: str) -> Place | None:
    entry = node.entry(name) if isinstance(node, Mapping) else None
    return entry.key if entry else None


RULES = (
    streams_exist,
    events_are_of_the_stream,
    streams_have_events,
    starts_are_possible,
    settings_have_an_effect,
    handler_settings_have_a_handler,
    handlers_have_an_end,
    batches_can_come_again,
    iterators_choose_exactly_once,
    consumers_have_something_to_lose,
    groups_have_consumers,
    unread_events_are_known,
    unread_events_may_come_again,
    modes_suit_their_streams,
    replays_are_possible,
    retention_removes_something,
    backoffs_grow,
)
