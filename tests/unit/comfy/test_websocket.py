"""Over a real socket: what the websockets library is asked for, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from orchestrator.comfy.timeouts import Timeouts
from orchestrator.comfy.websocket import Connect, connector

Handler = Callable[[ServerConnection], Awaitable[None]]
Serve = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def serving() -> Serve:
    @asynccontextmanager
    async def start(
        handler: Handler,
        check: Callable[[ServerConnection, Request], Response | None] | None = None,
    ) -> AsyncIterator[str]:
        async with serve(handler, "127.0.0.1", 0, process_request=check) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            yield f"ws://127.0.0.1:{port}/ws"

    return start


def connecting(max_bytes: int = 10_000_000) -> Connect:
    return connector({"Authorization": "Bearer x"}, Timeouts(connect=1.0), max_bytes)


async def test_headers_go_on_the_handshake_and_frames_come_and_go(serving: Serve) -> None:
    async def handler(connection: ServerConnection) -> None:
        assert connection.request
        await connection.send(connection.request.headers["Authorization"])
        await connection.send(await connection.recv())
        await connection.send(b"x" * 2_000_000)  # more than the library takes by default

    async with serving(handler) as uri:
        socket = await connecting()(uri)
        assert await socket.receive() == "Bearer x"
        await socket.send("hello")
        assert await socket.receive() == "hello"
        assert len(await socket.receive()) == 2_000_000
        with pytest.raises(ConnectionError):
            await socket.receive()
        with pytest.raises(ConnectionError):
            await socket.send("too late")
        await socket.close()


async def test_closing_does_not_wait_for_somebody_to_read(serving: Serve) -> None:
    async def handler(connection: ServerConnection) -> None:
        for number in range(100):
            await connection.send(str(number))
        await connection.wait_closed()

    async with serving(handler) as uri:
        socket = await connecting()(uri)
        await socket.receive()
        async with asyncio.timeout(0.9):  # less than what closing may take
            await socket.close()


async def test_a_frame_over_the_bound_ends_the_connection(serving: Serve) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(b"x" * 1001)
        await connection.wait_closed()

    async with serving(handler) as uri:
        socket = await connecting(max_bytes=1000)(uri)
        with pytest.raises(ConnectionError, match="1001"):
            await socket.receive()


async def test_a_refused_handshake_tells_the_status(serving: Serve) -> None:
    async def handler(connection: ServerConnection) -> None:
        raise AssertionError("unreachable: the handshake is refused")

    def refuse(connection: ServerConnection, request: Request) -> Response:
        return Response(403, "Forbidden", Headers())

    async with serving(handler, refuse) as uri:
        with pytest.raises(OSError, match="HTTP 403"):
            await connecting()(uri)


async def test_nothing_listens() -> None:
    with pytest.raises(OSError, match=r"refused|failed"):
        await connecting()("ws://127.0.0.1:1/ws")
