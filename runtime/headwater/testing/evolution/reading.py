"""A payload of one version read at another, as a service would, or why it cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headwater.errors import UnreadableEventError, UpcastError
from headwater.events import Event
from headwater.evolution import Envelope, Fields, Registry
from headwater.testing.differences import differences
from headwater.trusted import trusting_validator
from pydantic import ValidationError
from pydantic_core import to_json

from .promises import Hop, between, mentioning

__all__ = ["BrokenPromiseError", "Reading", "RefusedError"]


class BrokenPromiseError(AssertionError):
    """A payload for which a promise does not hold: event, hop, op and payload, for people."""


class RefusedError(Exception):
    """An op refused a value that it may refuse."""


class Reading:
    """Reads payloads of one event, and says what is wrong in terms of its hops and ops."""

    def __init__(
        self, registry: Registry, event: str, hops: Sequence[Hop], envelope: Envelope
    ) -> None:
        self._registry = registry
        self._event = event
        self._hops = hops
        self._envelope = envelope
        self._validators = {
            one.event_version: trusting_validator(one) for one in registry.history(event)
        }

    def is_payload(self, payload: Fields, version: int) -> bool:
        """Whether a payload is one that could have been recorded at the version."""
        try:
            self._registry.get(self._event, version).model_validate_json(to_json(payload))
        except ValidationError:
            return False
        return True

    def fields(self, payload: Fields, recorded: int, read: int) -> Fields:
        """The fields of a payload at another version.

        Raises:
            RefusedError: An op refused it, which is stated.
            BrokenPromiseError: It could not be brought there, or was itself changed.
        """
        before = json.dumps(payload)
        try:
            made = self._registry.upcast(
                self._event, payload, recorded, read, envelope=self._envelope
            )
        except UpcastError as error:
            if self._may_refuse(error, recorded, read):
                raise RefusedError from error
            raise self._failed(error, payload, recorded, read) from error
        except UnreadableEventError as error:
            raise self.broken(error.reason, payload, recorded, read) from error
        if json.dumps(payload) != before:
            raise self.broken("what was recorded is changed", json.loads(before), recorded, read)
        return made

    def hop_by_hop(self, payload: Fields, recorded: int, read: int) -> Fields:
        """The fields of a payload at another version, through each version in between."""
        for hop in between(self._hops, recorded, read):
            source, target = (hop.older, hop.newer) if read > recorded else (hop.newer, hop.older)
            payload = self.fields(payload, source, target)
        return payload

    def event(self, fields: Fields, payload: Fields, recorded: int, read: int) -> Event:
        """The typed event of fields that came of a payload.

        Raises:
            RefusedError: They do not fit, and it is stated that some do not.
            BrokenPromiseError: They do not fit.
        """
        try:
            found: Event = self._validators[read].validate_json(to_json(fields), extra="forbid")
        except ValidationError as error:
            if any(_refused(hop, recorded, read) for hop in between(self._hops, recorded, read)):
                raise RefusedError from error
            faults = error.errors()
            told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in faults)
            names = [str(one["loc"][0]) for one in faults if one["loc"]]
            raise self.broken(
                f"what comes of it is no version {read}",
                payload,
                recorded,
                read,
                ops=mentioning(between(self._hops, recorded, read), names),
                rows=[("fault", told), ("got", shown(fields))],
            ) from error
        return found

    def differing(
        self, fault: str, expected: Any, found: Any, payload: Fields, recorded: int, read: int
    ) -> BrokenPromiseError:
        """What to raise where something else is due; ops of fields that differ are named."""
        if isinstance(expected, Mapping) and isinstance(found, Mapping):
            names = [
                name
                for name in {**expected, **found}
                if name not in expected or name not in found or expected[name] != found[name]
            ]
        else:
            names = [
                name
                for name in type(expected).model_fields
                if getattr(expected, name) != getattr(found, name)
            ]
        return self.broken(
            fault,
            payload,
            recorded,
            read,
            ops=mentioning(between(self._hops, recorded, read), names),
            rows=[("differs", line) for line in differences(expected, found)],
        )

    def broken(
        self,
        fault: str,
        payload: Fields,
        recorded: int,
        read: int,
        *,
        ops: Iterable[str] | None = None,
        rows: Iterable[tuple[str, str]] = (),
    ) -> BrokenPromiseError:
        """What to raise about a payload."""
        hops = between(self._hops, recorded, read)
        told = [op for hop in hops for op in hop.ops] if ops is None else ops
        lines = [f"{self._event} from version {recorded} to {read}: {fault}"]
        lines += [f"  op        {op}" for op in told]
        lines += [f"  {name:9} {text}" for name, text in rows]
        lines.append(f"  payload   {shown(payload)}")
        return BrokenPromiseError("\n".join(lines))

    def _failed(
        self, error: UpcastError, payload: Fields, recorded: int, read: int
    ) -> BrokenPromiseError:
        source, target = error.hop or (recorded, read)
        op = error.op.partition(" ")[0]
        ops = [
            one
            for hop in between(self._hops, source, target)
            for one in hop.ops
            if not op or one.partition(" ")[0] == op
        ]
        where = f" between {source} and {target}" if error.hop else ""
        return self.broken(f"{error.reason}{where}", payload, recorded, read, ops=ops)

    def _may_refuse(self, error: UpcastError, recorded: int, read: int) -> bool:
        """Whether it is stated that values are refused where this one was.

        A function of the team's own refuses a value by a `ValueError`; all else is a mistake in it.
        """
        if error.op.startswith("custom"):
            step = error.__cause__
            return isinstance(step.__cause__ if step else None, ValueError)
        return error.hop is not None and any(
            _refused(hop, *error.hop) for hop in between(self._hops, *error.hop)
        )


def _refused(hop: Hop, recorded: int, read: int) -> tuple[str, ...]:
    return hop.refused_up if read > recorded else hop.refused_down


def shown(payload: Fields) -> str:
    """A payload as it stands in JSON, to be pasted into a test."""
    return json.dumps(payload, ensure_ascii=False)
