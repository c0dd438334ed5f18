"""HW54x: what is read of other services."""

from ..problems import Code

__all__ = ["CODES"]

_REMOTE = "remote:\n  user-service: {spec: user_service.yaml, streams: [users]}\n"
_DIRECT = (
    "remote:\n  user-service:\n    spec: user_service.yaml\n    streams: {users: {direct: true}}\n"
)

CODES = (
    Code(
        "HW540",
        "no remote has this stream",
        "A subscription calls another service's stream by both names, service/stream. The service "
        "stands under remote, with its client package or its spec, and with this stream.",
        wrong=f"{_REMOTE}subscriptions:\n  signups: {{stream: user-service/user, mode: broadcast}}",
        right=f"{_REMOTE}subscriptions:\n"
        "  signups: {stream: user-service/users, mode: broadcast}",
    ),
    Code(
        "HW541",
        "the contract of a remote is not there",
        "What another service publishes is found in its client package, as it is installed in the "
        "project's environment, or in its spec, where that lies in the same project. Nothing of a "
        "client package is executed: its contract.yaml is read.",
        wrong="remote:\n  user-service: {client: user-service, streams: [users]}",
        right="remote:\n  user-service: {client: user_service_client, streams: [users]}",
    ),
    Code(
        "HW542",
        "a service does not publish this stream",
        "Streams are internal unless their owner says publish: true. What is not published may "
        "change at any time, so nobody else reads it.",
        wrong="remote:\n  user-service: {spec: user_service.yaml, streams: [invitations]}",
        right=_REMOTE.rstrip(),
    ),
    Code(
        "HW543",
        "a client package was made for another Headwater",
        "A client package says in which format it was generated, and the Headwater that runs it "
        "has the same. A version of the package that was made by a Headwater like this one has it.",
        wrong="remote:\n  user-service: {client: old_user_service_client, streams: [users]}",
        right="remote:\n  user-service: {client: user_service_client, streams: [users]}",
    ),
    Code(
        "HW544",
        "this is the contract of another service",
        "A remote is called as its contract calls the service, for its streams come under that "
        "name.",
        wrong="remote:\n  users: {spec: user_service.yaml, streams: [users]}",
        right=_REMOTE.rstrip(),
    ),
    Code(
        "HW545",
        "a stream of another service cannot be written to",
        "What is recorded in a stream is recorded by the service that owns it. A handler that "
        "reads the stream can send a command, or ask the owner.",
        wrong=f"{_REMOTE}workflows:\n  Guest: {{stream: user-service/users, "
        "events: {GuestSeen: {}}}",
        right=f"{_REMOTE}streams:\n  guests: {{type: persistent}}\n"
        "workflows:\n  Guest: {stream: guests, events: {GuestSeen: {}}}",
    ),
    Code(
        "HW546",
        "a stream that is read straight from the broker keeps nothing",
        "With direct: true the broker's queues serve the subscriptions, and an event is gone once "
        "it was handled. A group, read receipts, a start in the past and a retention need a log of "
        "this service, which is what a remote stream has otherwise.",
        wrong=f"{_DIRECT}subscriptions:\n"
        "  signups: {stream: user-service/users, mode: consumer-group}",
        right=f"{_DIRECT}subscriptions:\n"
        "  signups: {stream: user-service/users, mode: exclusive}",
    ),
    Code(
        "HW547",
        "a service is its own remote",
        "Under remote stand other services. A subscription reads a stream of its own service by "
        "its name alone.",
        wrong="remote:\n  user-service: {spec: spec.yaml, streams: [users]}",
        right="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n  signups: {stream: users, mode: broadcast}",
    ),
)
