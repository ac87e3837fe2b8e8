"""httpx over the network by aiohttp, against a server that answers exactly what it is told to."""

import asyncio
import gc
import gzip
import socket
import weakref
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest

from orchestrator.transport import Client


class Server:
    """Answers each request with `answer` and closes the connection; keeps what it was sent."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer
        self.requests: list[bytes] = []
        self.serving: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split()[1]) for line in head.lower().split(b"\r\n")
             if line.startswith(b"content-length")), 0,
        )  # fmt: skip
        self.requests.append(head + await reader.readexactly(length))
        if self._answer is None:
            await reader.read()
        else:
            writer.write(self._answer)
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def asking(answer: bytes | None) -> AsyncIterator[tuple[Client, str, Server]]:
    """A client with short patience, and the server it speaks to. None: no answer ever."""
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, aclosing(Client(connect=0.2, read=0.2, headers={"X-Key": "k"})) as client:
        yield client, f"http://user:secret@127.0.0.1:{port}", server
    await asyncio.gather(*filter(None, server.serving))


async def test_body_headers_and_credentials_arrive() -> None:
    told = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nhi"
    async with asking(told) as (client, url, server):
        answer = await client.ask("POST", f"{url}/a%2Fb?c=%20d", content=b"x" * 2_000_000)
    assert (answer.status_code, answer.content, answer.headers["x-a"]) == (200, b"hi", "b")
    (request,) = server.requests
    assert request.startswith(b"POST /a%2Fb?c=%20d HTTP/1.1\r\n")
    assert b"\r\nauthorization: basic dxnlcjpzzwnyzxq=\r\n" in request.lower()
    assert b"\r\nx-key: k\r\n" in request.lower()
    assert request.endswith(b"x" * 2_000_000)


async def test_a_connection_is_used_again() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening, aclosing(Client(connect=5, read=5)) as client:
        for _ in range(3):
            assert (await client.ask("GET", url)).content == b"1"
    assert connections == 1


@pytest.mark.parametrize("pause", [0.0, 0.02])
async def test_an_answer_that_comes_twice_is_not_taken_for_the_next(pause: float) -> None:
    answers = iter(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % n for n in range(9))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            answer = next(answers)
            writer.write(answer)
            await asyncio.sleep(pause)
            writer.write(answer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening, aclosing(Client(connect=5, read=5)) as client:
        for expected in (b"0", b"1", b"2"):
            assert (await client.ask("GET", url)).content == expected
            await asyncio.sleep(2 * pause)


async def test_packed_bodies_are_unpacked() -> None:
    body = gzip.compress(b"a" * 10_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with asking(head + body) as (client, url, _):
        assert (await client.ask("GET", url)).content == b"a" * 10_000


async def test_redirects_are_not_followed() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with asking(head) as (client, url, server):
        assert (await client.ask("GET", url)).status_code == 302
    assert len(server.requests) == 1


async def test_an_answer_is_gone_when_nobody_needs_it() -> None:
    gc.disable()
    try:
        async with asking(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") as (client, url, _):
            answer = weakref.ref(await client.ask("POST", url, content=b"a picture"))
            assert answer() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(b"", httpx.RemoteProtocolError, id="closed without a word"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", httpx.RemoteProtocolError, id="not HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", httpx.RemoteProtocolError,
                     id="broken off"),
        pytest.param(None, httpx.ReadTimeout, id="silence"),
    ],
)  # fmt: skip
async def test_a_post_that_failed_under_way_is_sent_once_and_says_so(
    answer: bytes | None, error: type[httpx.HTTPError]
) -> None:
    async with asking(answer) as (client, url, server):
        with pytest.raises(error):
            await client.ask("POST", f"{url}/prompt", content=b"{}")
        assert len(server.requests) == 1


async def test_a_refused_connection_says_that_nothing_was_sent() -> None:
    with socket.socket() as bound:  # and nobody listens
        bound.bind(("127.0.0.1", 0))
        async with aclosing(Client(connect=5, read=5)) as client:
            with pytest.raises(httpx.ConnectError):
                await client.ask("POST", f"http://127.0.0.1:{bound.getsockname()[1]}/")


async def test_an_unknown_host_says_that_nothing_was_sent() -> None:
    async with aclosing(Client(connect=5, read=5)) as client:
        with pytest.raises(httpx.ConnectError):
            await client.ask("GET", "http://no-such-host.invalid/")
