"""N1, N2, N3: the network to the broker is gone, bad, or the broker is not there at all."""

from __future__ import annotations

import time

import pytest

from tests.faults.across import BUSY, Across
from tests.faults.databases import on_both
from tests.faults.proxy import Proxy
from tests.faults.report import Progress

RESUME = 5.0  # seconds from when the network is back until events flow
HEARTBEAT = 1  # seconds


@pytest.mark.row("N1")
@pytest.mark.parametrize(
    "way",
    [
        pytest.param("requests", marks=pytest.mark.rotates),
        pytest.param("replies", marks=pytest.mark.rotates),
        "both",
    ],
)
@on_both
def test_a_network_that_is_gone_for_a_while_holds_up_no_append_and_loses_nothing(
    across: Across, progress: Progress, whole: bool, way: str
) -> None:
    """What was sent meanwhile arrives late, or nobody waits for it any more."""
    cuts = [5.0] * 20 + [30.0] * 6 + [120.0] if whole and way == "both" else [5.0] * 5
    cuts = cuts if whole else [0.5]
    ways = ("requests", "replies") if way == "both" else (way,)
    world = across.world
    producer = across.start_producer(tasks=2, pause=0.01)
    with Proxy(across.broker.port, world.tell, speaks_sql=False) as proxy:
        url = proxy.url(across.broker.url)
        carriers = [across.start_relay(url), across.start_ingest(url), across.start_reader()]
        across.until_ready()
        slowest = 0.0
        for done, seconds in enumerate(cuts):
            progress(done, len(cuts), "cuts")
            across.until_more_is_taken_in(world.chance.randint(5, 40))
            proxy.hold(*ways)  # type: ignore[arg-type]
            until = time.monotonic() + seconds
            missed = world.count(producer, action="append")
            world.until_noted(missed + 5, producer, action="append")
            time.sleep(max(0.0, until - time.monotonic()))
            proxy.let_go()
            back = time.monotonic()
            across.until_more_is_taken_in(20)
            slowest = max(slowest, time.monotonic() - back)
        producer.kill()
        across.drain(*carriers, within=300.0 if whole else 60.0)

    world.figures.note(f"20 entries had arrived {slowest:.2f} s later, at the latest")
    assert slowest < RESUME + BUSY
    across.assert_all_held(faults={"hold": len(cuts)})


@pytest.mark.rotates
@pytest.mark.row("N1")
@on_both
def test_connections_that_fall_silent_for_good_are_given_up_and_replaced(
    across: Across, progress: Progress, whole: bool
) -> None:
    """As behind a firewall that has forgotten them: nobody is told, and nothing comes any more."""
    silences = 20 if whole else 1
    world = across.world
    across.rabbitmq["heartbeat"] = HEARTBEAT
    producer = across.start_producer(tasks=2, pause=0.01)
    with Proxy(across.broker.port, world.tell, speaks_sql=False) as proxy:
        url = proxy.url(across.broker.url)
        carriers = [across.start_relay(url), across.start_ingest(url), across.start_reader()]
        across.until_ready()
        for done in range(silences):
            progress(done, silences, "silences")
            across.until_more_is_taken_in(world.chance.randint(5, 40))
            before = proxy.connections
            proxy.be_silent()
            world.until(lambda: before <= proxy.deaf, "all connections have lost something")  # noqa: B023
            proxy.speak()
            across.until_more_is_taken_in(20, within=60.0)
        producer.kill()
        across.drain(*carriers, within=300.0 if whole else 60.0)

    across.assert_all_held(faults={"silence": silences})


@pytest.mark.row("N2")
@on_both
def test_over_a_bad_network_that_cuts_connections_everything_arrives_once(
    across: Across, progress: Progress, whole: bool
) -> None:
    """Slow, in slices of some bytes, and reset in the middle of what is sent."""
    seconds, resets = (600.0, 200) if whole else (2.0, 2)
    world = across.world
    producer = across.start_producer(tasks=2, pause=0.02)
    with Proxy(across.broker.port, world.tell, speaks_sql=False) as proxy:
        url = proxy.url(across.broker.url)
        patient = {"connect_timeout": 20.0, "confirm_timeout": 20.0}
        carriers = [
            across.start_relay(url, rabbitmq=patient, lifetime=60.0),
            across.start_ingest(url, rabbitmq=patient),
            across.start_reader(),
        ]
        across.until_ready()
        until = time.monotonic() + seconds
        done = 0
        while done < resets or time.monotonic() < until:
            progress(done, resets, "resets")
            proxy.latency = world.chance.choice([0.0, 0.005, 0.02])
            proxy.jitter = world.chance.choice([0.0, 0.01])
            proxy.slices = world.chance.choice([None, None, 64, 512])
            across.until_more_is_taken_in(world.chance.randint(1, 20), within=90.0)
            proxy.reset()
            done += 1
            across.until_more_is_taken_in(1, within=90.0)
        proxy.latency, proxy.jitter, proxy.slices = 0.0, 0.0, None
        producer.kill()
        across.drain(*carriers, within=300.0 if whole else 60.0)

    across.assert_all_held(faults={"reset": resets})


@pytest.mark.row("N3")
@on_both
def test_services_whose_broker_comes_later_work_without_it_until_then(
    across: Across, progress: Progress, whole: bool
) -> None:
    """What is appended before there is a broker goes out when there is one."""
    rounds, absent = (20, 10.0) if whole else (1, 0.5)
    world = across.world
    reader = across.start_reader()
    for done in range(rounds):
        progress(done, rounds, "starts")
        with Proxy(across.broker.port, world.tell, speaks_sql=False) as proxy:
            proxy.close_port()
            world.tell("absent broker")
            url = proxy.url(across.broker.url)
            carriers = [across.start_relay(url), across.start_ingest(url)]
            across.until_ready()
            assert across.start_producer(count=5).wait() == 0
            time.sleep(absent)
            assert across.taken_in() < across.entered()
            proxy.open_port()
            across.drain(*carriers)
    reader.ask_to_stop()
    assert reader.wait() == 0

    across.assert_all_held(faults={"absent broker": rounds}, logged=["reconnecting to the broker"])
