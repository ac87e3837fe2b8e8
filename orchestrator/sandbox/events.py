"""The websocket side: connections by client id, and the frames they get.

Who gets what when is decided in `execution`. Each connection has its own outbox, so that a slow
client delays no other; one that falls too far behind is closed.
"""

import asyncio
import contextlib
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from aiohttp import WSMsgType, web

SERVER_FEATURES: Final = {"supports_preview_metadata": True, "max_upload_size": 100 * 1024**2}
_OUTBOX_MAX: Final = 1000
_PREVIEW_IMAGE: Final = 1
_PREVIEW_IMAGE_WITH_METADATA: Final = 4
_FORMATS: Final = {"JPEG": 1, "PNG": 2}

Frame = str | bytes


def text_frame(kind: str, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data})


def image_frame(format: str, image: bytes) -> bytes:
    """Event 1: event, format, image."""
    return struct.pack(">II", _PREVIEW_IMAGE, _FORMATS[format]) + image


def image_with_metadata_frame(format: str, image: bytes, metadata: Mapping[str, Any]) -> bytes:
    """Event 4: event, length of the metadata, metadata as JSON, image."""
    described = json.dumps({**metadata, "image_type": f"image/{format.lower()}"}).encode()
    head = struct.pack(">II", _PREVIEW_IMAGE_WITH_METADATA, len(described))
    return head + described + image


@dataclass(frozen=True, slots=True)
class Cut:
    """Ends the connection when its turn comes; with `abort` without a close frame."""

    abort: bool


class Line:
    """The way of frames to one client. This one is faultless."""

    def carry(self, frame: Frame) -> Sequence[Frame | Cut]:
        """What goes out for this frame."""
        return (frame,)

    def takes_successor(self) -> bool:
        """Whether the end of this connection makes the server forget the one under the same client
        id that took its place."""
        return False


_FAULTLESS: Final = Line()


class Connection:
    """One open websocket."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        line: Line = _FAULTLESS,
        transport: asyncio.Transport | None = None,
    ) -> None:
        self.features: Mapping[str, Any] = {}
        self.line = line
        self._socket = socket
        self._transport = transport
        self._outbox: asyncio.Queue[Frame | Cut] = asyncio.Queue(_OUTBOX_MAX)
        self._writer = asyncio.create_task(self._write())

    def send(self, frame: Frame) -> None:
        try:
            for carried in self.line.carry(frame):
                self._outbox.put_nowait(carried)
        except asyncio.QueueFull:
            self._writer.cancel()

    async def _write(self) -> None:
        try:
            while True:
                frame = await self._outbox.get()
                if isinstance(frame, Cut):
                    if frame.abort and self._transport:
                        self._transport.abort()
                    return
                if isinstance(frame, str):
                    await self._socket.send_str(frame)
                else:
                    await self._socket.send_bytes(frame)
        except ConnectionError:
            pass
        finally:
            await self._socket.close()

    async def close(self) -> None:
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer


class Hub:
    """All connections. Frames for a client id that is not connected are lost, as on ComfyUI."""

    def __init__(self, open_line: Callable[[str], Line]) -> None:
        self._open_line = open_line
        self._connections: dict[str, Connection] = {}

    def send(self, frame: Frame, client_id: str | None) -> None:
        """To one client, or to all of them when `client_id` is None."""
        if client_id is None:
            for connection in self._connections.values():
                connection.send(frame)
        elif client_id in self._connections:
            self._connections[client_id].send(frame)

    def emit(self, kind: str, data: Mapping[str, Any], client_id: str | None) -> None:
        self.send(text_frame(kind, data), client_id)

    def supports(self, feature: str, client_id: str | None) -> bool:
        connection = self._connections.get(client_id) if client_id is not None else None
        return connection is not None and connection.features.get(feature) is True

    async def serve(
        self, request: web.Request, greet: Callable[[str], list[Frame]]
    ) -> web.WebSocketResponse:
        """Hold a connection until it ends. `greet` gives the first frames for a client id.

        A second connection under the same client id takes the first one's place, which stays open
        and hears nothing more.
        """
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        client_id = request.query.get("clientId") or uuid4().hex
        connection = Connection(socket, self._open_line(client_id), request.transport)
        self._connections[client_id] = connection
        try:
            for frame in greet(client_id):
                connection.send(frame)
            await self._listen(socket, connection)
        finally:
            newest = self._connections.get(client_id)
            if newest is connection or (newest and connection.line.takes_successor()):
                del self._connections[client_id]
            await connection.close()
        return socket

    async def _listen(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        """Feature flags count only in the first message."""
        first = True
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            with contextlib.suppress(ValueError):
                said = json.loads(message.data)
                if not isinstance(said, dict):
                    continue
                if first and said.get("type") == "feature_flags":
                    features = said.get("data")
                    connection.features = features if isinstance(features, dict) else {}
                    connection.send(text_frame("feature_flags", SERVER_FEATURES))
                first = False

    async def close(self) -> None:
        for connection in list(self._connections.values()):
            await connection.close()
