"""A websocket looked at frame by frame, without our client and its decoder."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

FLAGS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}


class Wire:
    """Frames as they come: parsed JSON, or bytes."""

    def __init__(self, http: httpx.AsyncClient, socket: ClientConnection, client_id: str) -> None:
        self._http = http
        self._socket = socket
        self.client_id = client_id

    async def next(self) -> Any:
        frame = await self._socket.recv()
        return json.loads(frame) if isinstance(frame, str) else frame

    async def post(self, graph: Any) -> str:
        """The id of the prompt just queued."""
        prompt_id = str(uuid.uuid4())
        body = {"prompt": graph, "prompt_id": prompt_id, "client_id": self.client_id}
        answer = await self._http.post("/prompt", json=body)
        assert answer.json()["prompt_id"] == prompt_id
        return prompt_id

    async def run(self, graph: Any) -> tuple[str, list[Any]]:
        """Its id, and all frames up to the one that ends it."""
        prompt_id = await self.post(graph)
        end = {"type": "executing", "data": {"node": None, "prompt_id": prompt_id}}
        frames = [await self.next()]
        while frames[-1] != end:
            frames.append(await self.next())
        return prompt_id, frames

    async def until(self, kind: str) -> Any:
        """The next text frame of this type."""
        while True:
            frame = await self.next()
            if isinstance(frame, dict) and frame["type"] == kind:
                return frame

    async def silence(self, seconds: float = 0.3) -> list[Any]:
        """All frames until none comes for a while."""
        frames = []
        try:
            while True:
                async with asyncio.timeout(seconds):
                    frames.append(await self.next())
        except TimeoutError:
            return frames


@asynccontextmanager
async def listening(
    http: httpx.AsyncClient, *, flags: bool = True, client_id: str = ""
) -> AsyncIterator[Wire]:
    """A websocket that has been greeted, and has sent feature flags or not."""
    client_id = client_id or str(uuid.uuid4())
    base = str(http.base_url).rstrip("/").replace("http", "ws", 1)
    async with connect(
        f"{base}/ws?clientId={client_id}", max_size=None, max_queue=None, proxy=None
    ) as socket:
        wire = Wire(http, socket, client_id)
        if flags:
            await socket.send(json.dumps(FLAGS))
        greeting = await wire.next()
        assert greeting["type"] == "status"
        assert greeting["data"]["sid"] == client_id
        yield wire


def types(frames: list[Any]) -> list[str]:
    return [frame["type"] for frame in frames if isinstance(frame, dict)]
