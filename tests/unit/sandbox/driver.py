"""What tests drive a sandbox with: its time, its clients, and small graphs."""

import asyncio
import json
import struct
from collections.abc import Callable
from typing import Any

import aiohttp

from orchestrator.sandbox.app import Sandbox

Frame = dict[str, Any]


class Time:
    """Stands in for sleeping: each call costs nothing, unless time stands still."""

    def __init__(self) -> None:
        self.calls: list[float] = []
        self._left: int | None = None
        self._moved = asyncio.Event()

    def stop_after(self, calls: int) -> None:
        """Let this many sleeps end from now on, and no more."""
        self._left = calls

    def go_on(self) -> None:
        self._left = None
        self._moved.set()

    async def __call__(self, seconds: float) -> None:
        self.calls.append(seconds)
        if self._left is None:
            await asyncio.sleep(0)
            return
        if self._left == 0:
            self._moved.clear()
            await self._moved.wait()
        else:
            self._left -= 1


class Listener:
    """A websocket and all that came over it. Binary frames become dicts with `image`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[Frame] = []

    async def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        while True:
            message = await self.socket.receive(timeout=10)
            frame = _read(message)
            self.frames.append(frame)
            if wanted(frame):
                return frame

    async def until_type(self, kind: str) -> Frame:
        return await self.until(lambda frame: frame["type"] == kind)

    async def until_end(self) -> list[Frame]:
        """Everything up to and with `executing null`."""
        await self.until(lambda f: f["type"] == "executing" and f["data"]["node"] is None)
        return self.frames


def _read(message: aiohttp.WSMessage) -> Frame:
    if message.type is aiohttp.WSMsgType.TEXT:
        return dict(json.loads(message.data))
    assert message.type is aiohttp.WSMsgType.BINARY, message
    kind, size = struct.unpack(">II", message.data[:8])
    if kind == 1:
        return {"type": 1, "format": size, "image": message.data[8:]}
    assert kind == 4
    metadata = json.loads(message.data[8 : 8 + size])
    return {"type": 4, "metadata": metadata, "image": message.data[8 + size :]}


class Server:
    """What a test does with a sandbox."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession, time: Time) -> None:
        self.url = sandbox.url
        self.session = session
        self.time = time
        self._sandbox = sandbox

    async def get(self, path: str) -> Any:
        async with self.session.get(self.url + path) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        async with self.session.post(self.url + path, json=body) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text

    async def submit(self, graph: dict[str, Any], **body: Any) -> str:
        status, answer = await self.post("/prompt", {"prompt": graph, **body})
        assert status == 200, answer
        return str(answer["prompt_id"])

    async def connect(self, client_id: str = "me", features: Any = None) -> Listener:
        """Connect, take the greeting, and name features when there are any."""
        socket = await self.session.ws_connect(f"{self.url}/ws?clientId={client_id}")
        listener = Listener(socket)
        await listener.until_type("status")
        if features is not None:
            await socket.send_json({"type": "feature_flags", "data": features})
            await listener.until_type("feature_flags")
        return listener

    async def run(self, graph: dict[str, Any], features: Any = None, **body: Any) -> list[Frame]:
        """Submit a graph and give the frames of its run, from the first `status` on."""
        listener = await self.connect("runner", features)
        greeting = len(listener.frames)
        await self.submit(graph, client_id="runner", **body)
        frames = (await listener.until_end())[greeting:]
        await listener.socket.close()
        return frames


def txt2img(*, save: str = "SaveImage", steps: int = 2, seed: int = 1, **latent: int) -> Any:
    """The graph that ComfyUI opens with, small."""
    save_inputs = {"filename_prefix": "test"} if save == "SaveImage" else {}
    return {
        "4": node("CheckpointLoaderSimple", ckpt_name="scenes-easy.safetensors"),
        "5": node("EmptyLatentImage", **{"width": 64, "height": 64, "batch_size": 1, **latent}),
        "6": node("CLIPTextEncode", text="a red circle", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="blurry", clip=["4", 1]),
        "3": node(
            "KSampler",
            seed=seed,
            steps=steps,
            cfg=7.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node(save, images=["8", 0], **save_inputs),
    }


def noise(*, save: str = "SaveImage", seed: int = 5, batch: int = 1) -> Any:
    """A graph without sampler: empty images with noise."""
    save_inputs = {"filename_prefix": "noise"} if save == "SaveImage" else {}
    return {
        "1": node("EmptyImage", width=16, height=16, batch_size=batch, color=0),
        "2": node("ImageAddNoise", image=["1", 0], seed=seed, strength=0.3),
        "3": node(save, images=["2", 0], **save_inputs),
    }


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}
