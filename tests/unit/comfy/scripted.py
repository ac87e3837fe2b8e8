"""A ComfyUI in memory: the test plays the part that executes prompts, and the faults."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.outcome import Outcome
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.comfy.watch import OnEvent, ignore
from orchestrator.models import ImageRef

OURS = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {"steps": 4}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
}
SENDER = {"9": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["8", 0]}}}
OUTPUT = {"images": [{"filename": "a_00001_.png", "subfolder": "", "type": "output"}]}
PNG = b"\x89PNG\r\n\x1a\n picture"
PREVIEW = b"\0\0\0\1\0\0\0\2picture"
REF = ImageRef(node="9", filename="a_00001_.png")


def patient(**values: Any) -> Timeouts:
    """Never polls within a test: what happens, happens by frames or by a look on purpose."""
    return Timeouts(**{"poll": 60.0, "apart": 0.0, "retry": (0.0,), **values})


class ScriptedSocket:
    """Delivers what the test puts in; an OSError put in is raised."""

    def __init__(self, uri: str, greet: bool, moved: asyncio.Event) -> None:
        self.uri = uri
        self.sent: list[str] = []
        self.closed = False
        self._moved = moved
        self.frames: asyncio.Queue[str | bytes | OSError] = asyncio.Queue()
        if greet:
            self.frames.put_nowait(
                '{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}}}'
            )

    async def send(self, text: str) -> None:
        self.sent.append(text)

    async def receive(self) -> str | bytes:
        frame = await self.frames.get()
        if isinstance(frame, OSError):
            raise frame
        return frame

    async def close(self) -> None:
        self.closed = True
        self._moved.set()


@dataclass
class ScriptedServer:
    """As much of a ComfyUI as a client needs; the test plays the part that executes prompts."""

    url: str = "http://comfy.test:8188"
    running: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    history: dict[str, Any] = field(default_factory=dict)
    greet: bool = True
    requests: list[httpx.Request] = field(default_factory=list)
    sockets: list[ScriptedSocket] = field(default_factory=list)
    answers: dict[str, Iterator[httpx.Response | Exception]] = field(default_factory=dict)
    """`GET /queue` → what to answer in its place, one after the other, then as usual."""
    refuse_sockets: bool = False
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def client(self, **options: Any) -> ComfyClient:
        timeouts = Timeouts(
            connect=0.05,
            read=0.05,
            poll=0.005,
            apart=0.001,
            cancel=1.0,
            retry=(0.0, 0.0),
            reconnect=(0.0, 0.001),
        )
        options = {"timeouts": timeouts, **options}
        transport = httpx.MockTransport(self.handle)
        return ComfyClient(self.url, transport=transport, connect=self.connect, **options)

    @asynccontextmanager
    async def generating(
        self,
        client: ComfyClient,
        graph: Mapping[str, Any] = GRAPH,
        prompt_id: str = OURS,
        on_event: OnEvent = ignore,
    ) -> AsyncIterator[asyncio.Task[Outcome]]:
        """A prompt just posted, and the task that waits for it."""
        posts = len(self.called("POST /prompt"))
        task = asyncio.create_task(client.generate(graph, prompt_id, on_event))
        await self.until(lambda: len(self.called("POST /prompt")) > posts)
        yield task
        task.cancel()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait while the client calls and connects."""
        while not condition():
            self._moved.clear()
            await self._moved.wait()

    def called(self, call: str) -> list[httpx.Request]:
        """The requests so far that were, say, `POST /prompt`."""
        return [r for r in self.requests if f"{r.method} {r.url.path}" == call]

    def tell(self, name: str, **data: Any) -> None:
        self.sockets[-1].frames.put_nowait(json.dumps({"type": name, "data": data}))

    def succeed(self, prompt_id: str = OURS) -> None:
        """All frames of a good run."""
        self.tell("execution_start", prompt_id=prompt_id, timestamp=1000)
        self.tell("executing", prompt_id=prompt_id, node="9")
        self.tell("executed", prompt_id=prompt_id, node="9", output=OUTPUT)
        self.tell("execution_success", prompt_id=prompt_id, timestamp=3500)

    def finish(self, prompt_id: str, outputs: dict[str, Any], *end: Any) -> None:
        """Out of the queue and into the history, as one step."""
        self.running = [other for other in self.running if other != prompt_id]
        self.pending = [other for other in self.pending if other != prompt_id]
        name, data = end or ("execution_success", {"prompt_id": prompt_id, "timestamp": 3500})
        start = ["execution_start", {"prompt_id": prompt_id, "timestamp": 1000}]
        status = {"status_str": "whatever", "completed": False, "messages": [start, [name, data]]}
        self.history[prompt_id] = {"outputs": outputs, "status": status, "meta": {}}

    async def connect(self, uri: str) -> ScriptedSocket:
        if self.refuse_sockets:
            raise ConnectionRefusedError("refused")
        self.sockets.append(ScriptedSocket(uri, self.greet, self._moved))
        self._moved.set()
        return self.sockets[-1]

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        call = f"{request.method} {request.url.path}"
        self._moved.set()
        scripted = next(self.answers.get(call, iter(())), None)
        if isinstance(scripted, Exception):
            raise scripted
        return scripted or self._answer(call, request)

    def _answer(self, call: str, request: httpx.Request) -> httpx.Response:
        match call.split("/"):
            case ["GET ", "system_stats"]:
                system = {"comfyui_version": "0.3.64", "python_version": "3.11"}
                return httpx.Response(200, json={"system": system, "devices": []})
            case ["GET ", "object_info"]:
                return httpx.Response(200, json={})
            case ["POST ", "prompt"]:
                prompt_id = json.loads(request.content)["prompt_id"]
                self.pending.append(prompt_id)
                return httpx.Response(200, json={"prompt_id": prompt_id, "node_errors": {}})
            case ["GET ", "queue"]:
                return httpx.Response(
                    200,
                    json={
                        "queue_running": [[0, i, {}, {}, [], "later"] for i in self.running],
                        "queue_pending": [[1, i, {}, {}, []] for i in self.pending],
                    },
                )
            case ["GET ", "history", prompt_id]:
                entries = {i: e for i, e in self.history.items() if i == prompt_id}
                return httpx.Response(200, json=entries)
            case ["POST ", "queue"]:
                gone = json.loads(request.content)["delete"]
                self.pending = [prompt_id for prompt_id in self.pending if prompt_id not in gone]
                return httpx.Response(200)
            case ["POST ", "interrupt"]:
                prompt_id = json.loads(request.content)["prompt_id"]
                if prompt_id in self.running:
                    self.finish(prompt_id, {}, "execution_interrupted", {"prompt_id": prompt_id})
                return httpx.Response(200)
            case ["GET ", "view"]:
                return httpx.Response(200, content=PNG)
            case ["POST ", "upload", "image"]:
                return httpx.Response(200, json={"name": "stored.png", "subfolder": ""})
        return httpx.Response(404)
