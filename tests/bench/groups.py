"""Consumer groups: how processes share work, how soon a death is made up for, a long backlog.

Members are processes of their own on a PostgreSQL server with `fsync=on`. Work is divided before it
begins; the time is until everything is settled.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any
from unittest.mock import patch

from headwater import App, EventContext, Mode, Subscription
from headwater.operations.management import manage
from headwater.subscriptions import heartbeat

from tests.support.postgres import Cluster, binaries

from .postgres import durable_cluster
from .rates import Rate, interleaved
from .scale import Scale
from .shop import ORDERS, Handlers, OrderPlaced, PlaceOrder, shop

__all__ = ["measure"]

WORKFLOWS = 256
LEASE = 1.0  # seconds, where it is measured how soon a death is noticed
KILLS = 30
BACKLOG = 1_000_000  # events
LOOK = 20.0  # seconds at the memory of who handles it
PAUSE = 0.005  # seconds that a handler takes elsewhere


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    programs = binaries()
    if programs is None:
        yield "PostgreSQL", "not on this machine", ""
    else:
        with durable_cluster(programs) as cluster:
            for what, pause, each in (("takes 5 ms elsewhere", PAUSE, 4), ("does nothing", 0, 20)):
                for count in (2, 4):
                    pairs = interleaved(
                        scale.rounds,
                        lambda: _drained(cluster, count, each, pause),  # noqa: B023
                        lambda: _drained(cluster, 1, each, pause),  # noqa: B023
                    )
                    yield f"{count} processes to one, handler {what}", pairs.text(), ""
            yield "from SIGKILL to the take-over", _taken_over(cluster), f"p99 {LEASE + 1:g} s"
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{name}/backlog.db"
        asyncio.run(_fill(url, 1_000, BACKLOG // 1_000))
        grown = _output(_start("_look_at_memory", url))
        yield f"memory for a backlog of {BACKLOG:,} events, slow handler", grown, "64 MiB"


class _Slow(Handlers):
    def __init__(self, pause: float) -> None:
        self._pause = pause

    async def dispatch(self, event: OrderPlaced, context: EventContext) -> None:
        if self._pause:
            await asyncio.sleep(self._pause)


def _dispatching(**settings: Any) -> Subscription[OrderPlaced]:
    return Subscription(
        name="dispatching",
        stream=ORDERS,
        mode=Mode.CONSUMER_GROUP,
        events=(OrderPlaced,),
        handler="dispatch",
        **settings,
    )


async def _fill(url: str, workflows: int, each: int) -> None:
    async with App(shop(), handlers=Handlers(), database=url) as app:
        for _ in range(workflows):
            await app.execute(PlaceOrder(times=each), deadline=60)


# Members

MEMBER = """
import asyncio, sys
from tests.bench import groups
asyncio.run(getattr(groups, sys.argv[1])(*sys.argv[2:]))
"""


def _start(role: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MEMBER, role, *arguments], stdout=subprocess.PIPE, text=True
    )


def _output(process: subprocess.Popen[str]) -> str:
    found = process.communicate()[0].strip()
    if process.returncode:
        raise RuntimeError(f"a member of the group exited {process.returncode}")
    return found


def _end(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        process.send_signal(signal.SIGKILL)
    for process in processes:
        process.communicate()


async def _handle(url: str, name: str, pause: str, lease: str) -> None:
    """Be a member until the process is killed."""
    lifetime = float(lease)
    with patch.multiple(heartbeat, SESSION_LIFETIME=lifetime, INTERVAL=lifetime / 3):
        service = shop(_dispatching(concurrency=1 if float(pause) else 16))
        async with App(service, handlers=_Slow(float(pause)), database=url, consumer=name):
            await asyncio.Event().wait()


async def _owners(management: Any) -> set[str | None]:
    return {one.owner for one in await management.positions(deadline=60)}


# How processes share the work


def _drained(cluster: Cluster, count: int, each: int, pause: float) -> Rate:
    return _on_a_database(cluster, lambda url: _drain(url, count, each, pause))


async def _drain(url: str, count: int, each: int, pause: float) -> Rate:
    await _fill(url, WORKFLOWS, each)
    service = shop(_dispatching())
    [subscription] = service.subscriptions
    async with manage(service, url) as management:
        await management.pause(subscription)
        members = [_start("_handle", url, f"m-{one}", str(pause), "15") for one in range(count)]
        try:
            await _until(lambda: _is_divided(management, count))
            begun = time.perf_counter()
            await management.resume(subscription)
            await _until(lambda: _is_idle(management, subscription))
            return Rate(WORKFLOWS * each / (time.perf_counter() - begun), 0.0)
        finally:
            _end(members)


async def _is_divided(management: Any, count: int) -> bool:
    owners = [one.owner for one in await management.positions(deadline=60)]
    shares = [owners.count(name) for name in {*owners}]
    return None not in owners and len(shares) == count and max(shares) - min(shares) <= 1


async def _is_idle(management: Any, subscription: Any) -> bool:
    return (await management.progress(subscription, deadline=60)).pending == 0


# How soon a death is made up for


def _taken_over(cluster: Cluster) -> str:
    times = sorted(_on_a_database(cluster, _kill))
    p50, p99 = (times[int(len(times) * part)] for part in (0.5, 0.99))
    return f"p50 {p50:.2f} s, p99 {p99:.2f} s, of {len(times)}; the lease is {LEASE:g} s"


async def _kill(url: str) -> list[float]:
    """Seconds from each kill until the partitions of the victim have another owner."""
    await _fill(url, 1, 1)
    times = []
    async with manage(shop(_dispatching()), url) as management:
        members = {str(one): _start("_handle", url, str(one), "0", str(LEASE)) for one in range(2)}
        try:
            for number in range(KILLS):
                victim, heir = str(number), str(number + 1)
                await _until(lambda: _is_divided(management, 2))
                begun = time.perf_counter()
                _end([members.pop(victim)])
                await _until(lambda: _is_of(management, heir))  # noqa: B023
                times.append(time.perf_counter() - begun)
                new = str(number + 2)
                members[new] = _start("_handle", url, new, "0", str(LEASE))
        finally:
            _end(list(members.values()))
    return times


async def _is_of(management: Any, owner: str) -> bool:
    return await _owners(management) == {owner}


# What a backlog takes


async def _look_at_memory(url: str) -> None:
    """Print how much more memory the process has had than before it handled anything."""
    service = shop(_dispatching(concurrency=16))
    [subscription] = service.subscriptions
    async with App(service, handlers=_Slow(PAUSE), database=url) as app:
        await app.pause(subscription)
        await asyncio.sleep(1.0)
        before, handled = _peak(), (await app.progress(subscription, deadline=60)).pending
        await app.resume(subscription)
        await asyncio.sleep(LOOK)
        after = _peak()
        handled -= (await app.progress(subscription, deadline=60)).pending
        print(f"{after - before:.0f} MiB more, {handled:,} handled")
        sys.stdout.flush()
        os._exit(0)  # nothing of the backlog is waited for


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(300):
        while not await is_so():  # noqa: ASYNC110  (other processes make it so)
            await asyncio.sleep(0.02)


def _on_a_database(cluster: Cluster, case: Callable[[str], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        url = await cluster.create_database("template")
        try:
            return await case(url)
        finally:
            await cluster.drop_database(url)

    return cluster.run(run())
