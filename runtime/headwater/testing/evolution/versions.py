"""The tests of an event's versions: a subclass says which event, and what is promised of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from headwater.errors import ConfigurationError
from headwater.evolution import Envelope, Fields
from headwater.service import Contract, Service
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from .payloads import payloads
from .promises import Hop, Sample, between, ways
from .reading import BrokenPromiseError, Reading, RefusedError

__all__ = ["EventVersions"]

_SETTINGS = settings(
    deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False
)


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that holds for every payload of a version, by a title that is a sentence."""

    title: str
    version: int
    holds: Callable[[Fields], None]
    """Raises `RefusedError` or `BrokenPromiseError` where it does not."""
    sample: Fields | None = None
    """The one payload that it is about; `None`: all."""


class EventVersions:
    """All that is promised of the versions of one event, each a test.

    Samples are what they are said to become. Random payloads of every version can be read at the
    head, at what is pinned and across each hop; in one step they become the same as hop by hop;
    and where it is promised they come back as they were. How many are tried, says the Hypothesis
    profile in use. A subclass of one's own, with more samples, is proven in the same way.
    """

    service: ClassVar[Service[Any] | Contract]
    """What has the versions."""
    event: ClassVar[str]
    hops: ClassVar[tuple[Hop, ...]]
    """Oldest first, without gaps."""
    pins: ClassVar[tuple[int, ...]] = ()
    """Older versions that subscriptions are served."""
    samples: ClassVar[tuple[Sample, ...]] = ()
    envelope: ClassVar[Envelope] = Envelope(
        "0b8f1b3e-7d0c-4c6e-9f39-6c1d2f5a7e10", "2024-05-01T12:00:00Z", "7"
    )
    """What is recorded beside each payload."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a test of each promise."""
        if "promise" in metafunc.fixturenames:
            promises = list(self.promises())
            metafunc.parametrize("promise", promises, ids=[one.title for one in promises])

    def test_it_holds(self, promise: Promise) -> None:
        """For every payload: the message names event, hop, op and payload for which it does not."""
        try:
            came_through = self._try(promise)
        except BrokenPromiseError as error:
            pytest.fail(str(error), pytrace=False)
        except Unsatisfiable:
            pytest.skip(f"no payload was found that meets the constraints of {self.event}")
        if not came_through:
            pytest.skip(
                f"every payload was refused, as may be: what is promised of {self.event} is proven "
                "once a subclass has samples that are not"
            )

    def promises(self) -> Iterator[Promise]:
        """Every promise of the event, in words and to be tried."""
        reading = Reading(self.service.registry, self.event, self.hops, self.envelope)
        every = ways(self.hops, self.pins)
        for sample in self.samples:
            for recorded, read in every:
                if recorded == sample.version:
                    yield _becomes(reading, sample, read)
        for recorded, read in every:
            yield _is_read(reading, recorded, read)
        for recorded, read in every:
            if abs(recorded - read) > 1:
                yield _in_one_step(reading, recorded, read)
        for recorded, over in every:
            hops = between(self.hops, recorded, over)
            is_safe = all(hop.up_safe if over > recorded else hop.down_safe for hop in hops)
            if is_safe and (over, recorded) in every:
                yield _comes_back(reading, recorded, over)

    def _try(self, promise: Promise) -> int:
        """Try payloads and return how many came through."""
        passed = 0

        def holds(payload: Fields) -> None:
            nonlocal passed
            try:
                promise.holds(payload)
            except RefusedError:
                return
            passed += 1

        if promise.sample is not None:
            holds(promise.sample)
            return passed
        # Its own name, so that Hypothesis remembers what failed for this promise alone.
        holds.__name__ = re.sub(r"\W", "_", f"{self.event}_{promise.title}")
        given_payloads: Any = given(self._payloads(promise.version))
        tried: Any = _SETTINGS(given_payloads(holds))
        tried()
        return passed

    def _payloads(self, version: int) -> Any:
        schemas = self.service.schemas
        if schemas is None:
            raise ConfigurationError(f"there are no JSON Schemas of {self.event}")
        reading = Reading(self.service.registry, self.event, self.hops, self.envelope)
        every = payloads(json.loads(schemas.read(self.event, version)))
        return every.filter(lambda payload: reading.is_payload(payload, version))


def _becomes(reading: Reading, sample: Sample, read: int) -> Promise:
    recorded, due = sample.version, sample.becomes.get(read)

    def holds(payload: Fields) -> None:
        made = reading.fields(payload, recorded, read)
        if due is not None and made != due:
            raise reading.differing("it becomes another", due, made, payload, recorded, read)
        reading.event(made, payload, recorded, read)

    title = f"the sample of version {recorded} is read at {read}"
    return Promise(title, recorded, holds, sample.payload)


def _is_read(reading: Reading, recorded: int, read: int) -> Promise:
    def holds(payload: Fields) -> None:
        made = reading.fields(payload, recorded, read)
        reading.event(made, payload, recorded, read)

    return Promise(f"version {recorded} is read at {read}", recorded, holds)


def _in_one_step(reading: Reading, recorded: int, read: int) -> Promise:
    def holds(payload: Fields) -> None:
        due = reading.hop_by_hop(payload, recorded, read)
        made = reading.fields(payload, recorded, read)
        if made != due:
            fault = "in one step it becomes another than hop by hop"
            raise reading.differing(fault, due, made, payload, recorded, read)

    return Promise(f"from {recorded} to {read} in one step is as hop by hop", recorded, holds)


def _comes_back(reading: Reading, recorded: int, over: int) -> Promise:
    def holds(payload: Fields) -> None:
        before = reading.event(payload, payload, recorded, recorded)
        made = reading.fields(payload, recorded, over)
        back = reading.event(reading.fields(made, over, recorded), payload, recorded, recorded)
        if back != before:
            fault = "it does not come back as it was"
            raise reading.differing(fault, before, back, payload, recorded, over)

    return Promise(f"version {recorded} comes back from {over} as it was", recorded, holds)
