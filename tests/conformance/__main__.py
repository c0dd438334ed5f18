"""Writes docs/conformance-findings.md from runs on a PostgreSQL server of its own.

python -m tests.conformance
"""

import asyncio
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import asyncpg
from headwater.testing.conformance.order import Findings, observe

from tests.support.postgres import Cluster, binaries

from .logs import slow_commits

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "conformance-findings.md"
TEXT = Path(__file__).with_name("findings.md")
EVENTS = 5000  # that the reader has seen at least, in each run
WRITERS, KILLS = 3, 3
RUNS = 3
DEADLINE = 120.0  # seconds for a run
LOGS = {
    "postgres": "Headwater, PostgreSQL store",
    "eventsourcing": "`eventsourcing`, default",
    "eventsourcing_functions": "`eventsourcing`, `POSTGRES_ENABLE_DB_FUNCTIONS=y`",
}


async def run(cluster: Cluster, log: str, *, slow: bool) -> Findings:
    """What a run on a new database found."""
    url = await cluster.create_database("template" if log == "postgres" else "template1")
    if slow:
        await slow_commits(log, url)
    name = f"tests.conformance.logs:{log}"
    async with asyncio.timeout(DEADLINE):
        found = await observe(name, url, writers=WRITERS, events=EVENTS, kills=KILLS)
    if not found.caught_up:
        raise SystemExit("the reader was always behind: such a run proves nothing")
    return found


def row(log: str, found: Findings, *, slow: bool) -> str:
    """A line of the page's table."""
    counts = (
        *(found.recorded, found.caught_up, found.missed, found.doubled, found.lost),
        *(found.halved, found.misordered, found.gaps),
    )
    commits = "slow" if slow else "as they are"
    return f"| {LOGS[log]} | {commits} | {' | '.join(f'{one:,}' for one in counts)} |"


def main() -> None:
    """Run each log several times, in turns, and write what was found."""
    programs = binaries()
    if programs is None:
        raise SystemExit("no PostgreSQL on this machine: initdb and postgres are not found")
    cluster = Cluster(programs, fsync=True)
    rows: dict[tuple[str, bool], list[str]] = {}
    try:
        cluster.start()
        cluster.run(cluster.make_template())
        server = cluster.run(server_version(cluster))
        for number in range(RUNS):
            for slow in (False, True):
                for log in LOGS:
                    line = row(log, asyncio.run(run(cluster, log, slow=slow)), slow=slow)
                    rows.setdefault((log, slow), []).append(line)
                    sys.stderr.write(f"{number + 1} of {RUNS}: {line}\n")
    finally:
        cluster.remove()
    settings = (
        f"PostgreSQL {server} (`fsync=on`, READ COMMITTED), eventsourcing "
        f"{version('eventsourcing')} with psycopg {version('psycopg')}, Headwater "
        f"{version('headwater')} with asyncpg {version('asyncpg')}, Python "
        f"{platform.python_version()}"
    )
    table = "\n".join(line for lines in rows.values() for line in lines)
    page = TEXT.read_text(encoding="utf-8")
    for name, value in {"settings": settings, "table": table, "events": f"{EVENTS:,}"}.items():
        page = page.replace(f"{{{name}}}", value)
    PAGE.write_text(page, encoding="utf-8")


async def server_version(cluster: Cluster) -> str:
    """The server's, without what the packager added."""
    connection = await asyncpg.connect(cluster.url())
    try:
        return str(await connection.fetchval("SHOW server_version")).split()[0]
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
