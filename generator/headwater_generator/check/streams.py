"""Streams and subscriptions: what they refer to, and settings that would have no effect."""

from __future__ import annotations

from ..load import Mapping, Place, at, listed
from ..names import pinned
from .scope import Scope

__all__ = ["RULES"]


def streams_exist(scope: Scope) -> None:
    """HW501: every stream that is named is declared."""
    for section in (scope.spec.workflows, scope.spec.subscriptions, scope.spec.commands):
        for user in section.values():
            if user.stream is not None and user.stream not in scope.streams:
                place = at(user.node, "stream")
                scope.unknown(place, "HW501", "stream", user.stream, scope.streams)


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
            if user.stream in scope.streams and not scope.events_of_stream(user.stream):
                message = f'no workflow records events in "{user.stream}"'
                hint = f"give a workflow stream: {user.stream}"
                scope.add(at(user.node, "stream"), "HW503", message, hint)


def starts_are_possible(scope: Scope) -> None:
    """HW504: only a persistent stream has a past to start from."""
    for subscription in scope.spec.subscriptions.values():
        stream = scope.spec.streams.get(subscription.stream)
        if stream and stream.type == "ephemeral" and (place := _key(subscription.node, "start")):
            message = f'"{subscription.stream}" is ephemeral: it keeps no events to start from'
            scope.add(place, "HW504", message, "leave the key out")


def settings_have_an_effect(scope: Scope) -> None:
    """HW505: nothing is set for failures that the delivery never sees."""
    for subscription in scope.spec.subscriptions.values():
        stream = scope.spec.streams.get(subscription.stream)
        delivery = subscription.delivery or (stream.delivery if stream else None)
        if delivery != "at-most-once":
            continue
        for name in ("retry", "ack_timeout"):
            if place := _key(subscription.node, name):
                message = (
                    f'"{name}" has no effect with at-most-once: the event is acknowledged before'
                )
                scope.add(place, "HW505", message, "leave it out, or deliver at-least-once")


def consumers_have_something_to_lose(scope: Scope) -> None:
    """HW505: only a consumer with a cursor of its own can be forgotten."""
    for subscription in scope.spec.subscriptions.values():
        if subscription.mode == "broadcast":
            continue
        if place := _key(subscription.node, "expire_after"):
            message = '"expire_after" has no effect here: the consumers share one cursor'
            scope.add(place, "HW505", message, "leave it out, or make it a broadcast")


def replays_are_possible(scope: Scope) -> None:
    """HW507: only a persistent stream has something to read again, or to keep from being read."""
    for name, stream in scope.spec.streams.items():
        if stream.type == "ephemeral" and (place := _key(stream.node, "replay")):
            message = f'"{name}" is ephemeral: it keeps no events to replay'
            scope.add(place, "HW507", message, "leave the key out")


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
    if event in known:
        return
    owner = scope.events.get(event)
    if owner is None:
        scope.unknown(place, code, "event", event, known)
    elif owner not in scope.broken_workflows:
        other = scope.spec.workflows[owner].stream
        if other in scope.streams:
            message = f'event "{event}" is not in stream "{stream}"'
            scope.add(place, code, message, f'workflow {owner} records it in "{other}"')


def _key(node: object, name: str) -> Place | None:
    entry = node.entry(name) if isinstance(node, Mapping) else None
    return entry.key if entry else None


RULES = (
    streams_exist,
    events_are_of_the_stream,
    streams_have_events,
    starts_are_possible,
    settings_have_an_effect,
    consumers_have_something_to_lose,
    replays_are_possible,
    backoffs_grow,
)
