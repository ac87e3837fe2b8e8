"""The websocket of one ComfyUI server: opening it with features negotiated, reading, closing.

Frames are read in `frames`; when to open it again is the client's matter.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import websockets
from websockets.asyncio.client import ClientConnection, connect

from orchestrator.comfy.address import Address
from orchestrator.comfy.events import Status
from orchestrator.comfy.frames import FEATURE_FLAGS, decode
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.errors import ServerUnreachable


class Socket(Protocol):
    """An open websocket. All methods raise OSError when the connection is gone."""

    async def send(self, text: str) -> None: ...

    async def receive(self) -> str | bytes: ...

    async def close(self) -> None: ...


Connect = Callable[[str], Awaitable[Socket]]
"""URI → an open websocket. Raises OSError, TimeoutError included."""


def connector(headers: Mapping[str, str], timeouts: Timeouts, max_bytes: int) -> Connect:
    """Connects over the network."""

    async def open_(uri: str) -> Socket:
        try:
            connection = await connect(
                uri,
                additional_headers=dict(headers),
                open_timeout=timeouts.connect,
                ping_timeout=timeouts.ping,
                close_timeout=timeouts.connect,
                max_size=max_bytes,
                compression=None,  # pictures don't get smaller
                proxy=None,
            )
        except websockets.InvalidStatus as error:
            raise OSError(f"HTTP {error.response.status_code}") from error
        except (websockets.WebSocketException, EOFError) as error:
            raise OSError(str(error) or type(error).__name__) from error
        return _Connection(connection)

    return open_


class _Connection:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except websockets.ConnectionClosed as error:
            raise ConnectionError(str(error)) from error

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except websockets.ConnectionClosed as error:
            raise ConnectionError(str(error)) from error

    async def close(self) -> None:
        await asyncio.gather(self._connection.close(), self._drain())

    async def _drain(self) -> None:
        """Frames that nobody reads would keep back the one that closes."""
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await self._connection.recv()


async def open_socket(
    address: Address, client_id: str, connect: Connect, timeouts: Timeouts
) -> Socket:
    """Connected, features negotiated, and greeted by the server: what is posted now will be told.

    Raises ServerUnreachable.
    """
    try:
        socket = await connect(address.websocket(client_id))
        try:
            async with asyncio.timeout(timeouts.connect):
                await socket.send(FEATURE_FLAGS)
                while not isinstance(decode(await socket.receive()), Status):
                    pass
        except BaseException:
            await socket.close()
            raise
    except OSError as error:
        reason = "silence" if isinstance(error, TimeoutError) else error
        raise ServerUnreachable(
            f"the websocket of {address} can't be opened ({reason}): does a proxy keep it back?"
        ) from error
    return socket
