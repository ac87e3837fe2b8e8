"""The client that faults are shown to: plain HTTP and websockets, without anything of ours."""

import asyncio
import contextlib
import json
import struct
from collections.abc import Callable
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.unit.sandbox.driver import Frame


class Wire:
    """One client, `me`, of one sandbox."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self.http = http

    async def arm(self, *faults: dict[str, Any]) -> None:
        answer = await self.http.post("/_sandbox/faults", json=list(faults))
        assert answer.status_code == 200, answer.text

    async def submit(self, graph: dict[str, Any], **body: Any) -> httpx.Response:
        body = {"prompt": graph, "client_id": "me", "prompt_id": "p", **body}
        return await self.http.post("/prompt", json=body)

    async def connect(self) -> ClientConnection:
        """A websocket that has been greeted."""
        url = f"ws{self.url.removeprefix('http')}/ws?clientId=me"
        socket = await connect(url, max_queue=None)  # so that pongs pass frames that nobody reads
        assert read(await socket.recv())["type"] == "status"
        return socket

    async def run(self, graph: dict[str, Any], socket: ClientConnection) -> list[Frame]:
        """What is told of a run with nothing cached, from the first `status` on."""
        await self.http.post("/free", json={"free_memory": True})
        await self.submit(graph)
        return await told(socket)

    async def get(self, path: str) -> Any:
        return (await self.http.get(path)).json()

    async def events(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in await self.get("/_sandbox/log") if entry["event"] == event]

    async def ended(self, prompt_id: str = "p") -> dict[str, Any]:
        """The history entry, once it is there."""
        while not (history := await self.get(f"/history/{prompt_id}")):
            pass
        entry: dict[str, Any] = history[prompt_id]
        return entry


async def told(socket: ClientConnection) -> list[Frame]:
    """Frames up to `executing null` or the end of the socket."""
    frames: list[Frame] = []
    with contextlib.suppress(ConnectionClosed):
        while not frames or not is_end(frames[-1]):
            frames.append(read(await socket.recv()))
    return frames


async def silent(socket: ClientConnection) -> bool:
    """Whether nothing comes, though the socket is open and answers."""
    await (await socket.ping())
    try:
        async with asyncio.timeout(0.05):
            await socket.recv()
    except TimeoutError:
        return True
    return False


async def until(true: Callable[[], object]) -> None:
    while not true():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0)


def read(frame: str | bytes) -> Frame:
    if isinstance(frame, str):
        return dict(json.loads(frame))
    return {"type": "binary", "event": struct.unpack(">I", frame[:4])[0], "data": {}}


def is_end(frame: Frame) -> bool:
    return frame["type"] == "executing" and frame["data"]["node"] is None
