"""The proxy itself: each thing that it can do to a wire is seen once, by a driver or a socket."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import asyncpg
import pytest

from tests.faults.conversation import Conversation
from tests.faults.proxy import LOOPBACK, Loss, Proxy
from tests.support.postgres import Server
from tests.support.waiting import eventually


@pytest.fixture
def proxy(postgres: Server) -> Iterator[Proxy]:
    with Proxy(postgres.port, host=postgres.host) as proxy:
        yield proxy


@pytest.fixture
def url(proxy: Proxy, postgres_url: str) -> str:
    return proxy.url(postgres_url)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody to whom a proxy can lead, who takes what comes."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener


def test_what_goes_through_is_what_was_sent_in_slices_or_not(listener: socket.socket) -> None:
    data = bytes(range(256)) * 40
    with Proxy(listener.getsockname()[1]) as proxy:
        for slices in (None, 1, 7):
            proxy.slices = slices
            with closing(socket.create_connection(("127.0.0.1", proxy.port))) as client:
                server, _ = listener.accept()
                with closing(server):
                    client.sendall(data)
                    sizes, received = [], b""
                    while len(received) < len(data):
                        received += (part := server.recv(1 << 16))
                        sizes.append(len(part))
                    assert received == data
                    server.sendall(b"answer")
                    assert client.recv(6, socket.MSG_WAITALL) == b"answer"


async def test_with_latency_an_answer_takes_so_much_longer(proxy: Proxy, url: str) -> None:
    connection = await asyncpg.connect(url)
    proxy.latency = 0.1
    begun = time.monotonic()
    assert await connection.fetchval("SELECT 1") == 1
    assert time.monotonic() - begun >= 2 * 0.1, "both ways"
    proxy.latency = 0.0
    await connection.close()


async def test_a_reset_is_felt_at_once(proxy: Proxy, url: str, postgres: Server) -> None:
    connection = await asyncpg.connect(url)
    asleep = asyncio.ensure_future(connection.execute("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.05)
    assert proxy.reset() == 1
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await asleep
    await eventually(lambda: not proxy.connections)


async def test_silence_takes_everything_and_answers_nothing_also_afterwards(
    proxy: Proxy, url: str
) -> None:
    connection = await asyncpg.connect(url)
    proxy.be_silent()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connection.execute("SELECT 1"), 0.2)
    # Not by the driver: what it has half made when it gives up is never closed.
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)
    writer.close()
    proxy.speak()
    assert len(proxy.deaf) >= 2, "the driver may have made a third, to cancel its statement"
    assert not connection.is_closed(), "nobody has told the client"
    connection.terminate()
    another = await asyncpg.connect(url)
    assert await another.fetchval("SELECT 1") == 1
    await another.close()


async def test_a_closed_port_refuses_and_is_the_same_when_it_is_open_again(
    proxy: Proxy, url: str
) -> None:
    proxy.close_port()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncpg.connect(url)
    proxy.open_port()
    await (await asyncpg.connect(url)).close()


@pytest.mark.parametrize("how", ["prepared", "as text"])
async def test_the_reply_to_the_third_insert_is_lost_and_it_is_written(
    proxy: Proxy, url: str, postgres_url: str, how: str
) -> None:
    told: list[str] = []
    proxy._tell = told.append
    proxy.loss = Loss(statement="INSERT INTO pauses", every=3)
    connection = await asyncpg.connect(url)

    async def insert(number: int) -> None:
        if how == "prepared":
            await connection.fetch("INSERT INTO pauses VALUES ($1, now()) RETURNING 1", str(number))
        else:
            await connection.execute(f"INSERT INTO pauses VALUES ('{number}', now())")  # noqa: S608

    await insert(1)
    await connection.fetch("SELECT * FROM pauses")
    await insert(2)
    with pytest.raises((asyncpg.PostgresConnectionError, ConnectionError)):
        await insert(3)
    other = await asyncpg.connect(postgres_url)
    assert await other.fetchval("SELECT count(*) FROM pauses") == 3
    await other.close()
    assert (proxy.losses, told) == (1, ["lost reply"])


async def test_a_request_that_is_lost_is_not_written_and_silence_may_follow(
    proxy: Proxy, url: str, postgres_url: str
) -> None:
    proxy.loss = Loss(statement="INSERT INTO pauses", what="request", then="silence")
    connection = await asyncpg.connect(url)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connection.execute("INSERT INTO pauses VALUES ('a', now())"), 0.2)
    connection.terminate()
    other = await asyncpg.connect(postgres_url)
    assert await other.fetchval("SELECT count(*) FROM pauses") == 0
    await other.close()
    assert proxy.losses == 1


async def test_what_the_server_refused_is_no_lost_commit(proxy: Proxy, url: str) -> None:
    proxy.loss = Loss(statement="INSERT INTO pauses")
    connection = await asyncpg.connect(url)
    with pytest.raises((asyncpg.PostgresConnectionError, ConnectionError)):
        await connection.execute("INSERT INTO pauses VALUES (NULL, NULL)")
    assert proxy.losses == 0


def test_a_conversation_is_understood_however_it_is_cut() -> None:
    def message(kind: bytes, body: bytes) -> bytes:
        return kind + (len(body) + 4).to_bytes(4) + body

    said = b"".join(
        (
            message(b"", (80877103).to_bytes(4)),  # whether encryption is spoken
            message(b"", (3 << 16).to_bytes(4) + b"user\0ada\0\0"),
            message(b"P", b"one\0INSERT\0\0\0"),
            message(b"B", b"\0one\0\0\0\0\0\0\0"),
            message(b"E", b"\0\0\0\0\0"),
            message(b"S", b""),
            message(b"Q", b"COMMIT;\0"),
        )
    )
    for size in (1, 3, len(said)):
        conversation = Conversation()
        heard = [
            text
            for start in range(0, len(said), size)
            for text in conversation.sent(said[start : start + size])
        ]
        assert heard == ["INSERT", "COMMIT;"]
