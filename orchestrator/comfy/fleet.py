"""Many ComfyUI servers as one: who may send the next prompt, and where to.

A server has `depth` slots, so that its next prompt is queued while the last one is fetched and
scored. Whoever has work waits for a slot; a slot that falls free takes the work that has waited
longest of what its server can do. A server that can't be reached gets no work until it answers
again; one that is merely slow keeps its slots. How one server is spoken to is `client`'s business.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Any, Self

from orchestrator.comfy.client import ComfyClient
from orchestrator.errors import NotComfyUI, ServerError, WorkflowError

Make = Callable[[str], ComfyClient]
"""URL → a client that is not connected yet."""

_MODEL_FILES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")

_IN_SIGHT = 32
"""How far a slot looks along the line for a job whose models its server has loaded."""


@dataclass(frozen=True, eq=False)
class Job:
    """What the prompts of one target ask of a server. Compared by identity."""

    graph: Mapping[str, Any]
    models: frozenset[str]
    """Model files it loads: a server that has them loaded already is preferred."""

    @classmethod
    def of(cls, graph: Mapping[str, Any]) -> "Job":
        """For a graph in API format."""
        values = [value for node in graph.values() for value in node["inputs"].values()]
        files = (v for v in values if isinstance(v, str) and v.endswith(_MODEL_FILES))
        return cls(graph, frozenset(files))


@dataclass(eq=False)
class _Server:
    client: ComfyClient
    free: int
    tried: asyncio.Future[None]
    """Done when it has been tried once, with the error if it could not be used."""
    up: asyncio.Event = field(default_factory=asyncio.Event)
    doubted: asyncio.Event = field(default_factory=asyncio.Event)
    loaded: frozenset[str] = frozenset()
    """The models of the last prompt that we sent there."""
    lacks: dict[Job, str] = field(default_factory=dict)
    """What keeps it from a job, in one line; "" if nothing does."""

    @property
    def url(self) -> str:
        return str(self.client.address)


@dataclass(eq=False)
class _Waiting:
    job: Job
    avoid: Set[str]
    granted: asyncio.Future[_Server]


class Fleet:
    """An async context manager: entered, every server has been tried and at least one is up.

    Raises NotComfyUI for a server that is none, and what the first server raised when all are down.
    """

    def __init__(
        self, urls: Sequence[str], make: Make, *, depth: int = 2, probe_seconds: float = 2.0
    ) -> None:
        self._make = make
        self._depth = depth
        self._probe_seconds = probe_seconds
        self._urls = tuple(dict.fromkeys(urls))
        self._servers: dict[str, _Server] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._line: list[_Waiting] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        servers = [_Server(self._make(u), self._depth, loop.create_future()) for u in self._urls]
        self._servers = {server.url: server for server in servers}
        self._keepers = [asyncio.create_task(self._keep(server)) for server in servers]
        try:
            errors = await asyncio.gather(*(s.tried for s in servers), return_exceptions=True)
            for error in errors:
                if isinstance(error, BaseException) and (
                    isinstance(error, NotComfyUI) or None not in errors
                ):
                    raise error
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(self._servers)

    @property
    def slots(self) -> int:
        """How many prompts may be on the servers at once."""
        return len(self._servers) * self._depth

    async def check(self, job: Job) -> None:
        """Raises WorkflowError when no server that is up can do the job."""
        await self._able(job)

    @contextlib.asynccontextmanager
    async def slot(self, job: Job, *, avoid: Set[str] = frozenset()) -> AsyncIterator[ComfyClient]:
        """A slot of a server that can do the job, waited for; not of `avoid` if another can.

        Raises WorkflowError when no server that is up can do it.
        """
        server = await self._granted(job, avoid)
        try:
            yield server.client
        finally:
            server.free += 1
            self._offer(server)

    async def answering(self, url: str) -> ComfyClient:
        """The server's client, once the server is up."""
        server = self._servers[url]
        await server.up.wait()
        return server.client

    def doubt(self, client: ComfyClient) -> None:
        """The server did not answer somebody: no work for it until it answers again."""
        server = self._servers[str(client.address)]
        server.up.clear()
        server.doubted.set()

    async def _keep(self, server: _Server) -> None:
        """Connect; notice doubts, and wait until they are gone; connect again."""
        while True:
            try:
                async with server.client as client:
                    while True:
                        await self._welcome(server)
                        await server.doubted.wait()
                        await self._until_it_answers(client)
            except ServerError as error:
                if not server.tried.done():
                    server.tried.set_exception(error)
            await asyncio.sleep(self._probe_seconds)
            server.client = self._make(server.url)

    async def _until_it_answers(self, client: ComfyClient) -> None:
        while True:
            try:
                await client.system()
                return
            except ServerError:
                await asyncio.sleep(self._probe_seconds)

    async def _welcome(self, server: _Server) -> None:
        """It answers: find out what it can do of what waits, and give it work."""
        for job in {waiting.job for waiting in self._line}:
            await self._learn(server, job)
        server.doubted.clear()
        server.up.set()
        if not server.tried.done():
            server.tried.set_result(None)
        self._offer(server)

    async def _learn(self, server: _Server, job: Job) -> str:
        if job not in server.lacks:
            server.lacks[job] = await server.client.lacks(job.graph)
        return server.lacks[job]

    async def _granted(self, job: Job, avoid: Set[str]) -> _Server:
        able = await self._able(job)
        if not any(server.url not in avoid for server in able):
            avoid = frozenset()
        free = [server for server in able if server.free > 0 and server.url not in avoid]
        waiting = _Waiting(job, avoid, asyncio.get_running_loop().create_future())
        self._line.append(waiting)
        if free:
            self._grant(max(free, key=lambda server: _fitness(server, job)), waiting)
        try:
            return await waiting.granted
        except asyncio.CancelledError:
            if waiting in self._line:
                self._line.remove(waiting)
            else:
                server = waiting.granted.result()
                server.free += 1
                self._offer(server)
            raise

    async def _able(self, job: Job) -> list[_Server]:
        """The servers that are up and can do the job. Raises WorkflowError if all of them can't."""
        up = [server for server in self._servers.values() if server.up.is_set()]
        lacks = await asyncio.gather(*(self._learn(server, job) for server in up))
        if up and all(lacks):
            raise WorkflowError("; ".join(lacks))
        return [server for server, lack in zip(up, lacks, strict=True) if not lack]

    def _offer(self, server: _Server) -> None:
        """Fill a server's free slots from the line."""
        while server.up.is_set() and server.free > 0:
            suited = (w for w in self._line if _suits(server, w))
            in_sight = list(islice(suited, _IN_SIGHT))
            if not in_sight:
                return
            loaded = (w for w in in_sight if w.job.models <= server.loaded)
            self._grant(server, next(loaded, in_sight[0]))

    def _grant(self, server: _Server, waiting: _Waiting) -> None:
        self._line.remove(waiting)
        server.free -= 1
        server.loaded = waiting.job.models
        waiting.granted.set_result(server)


def _suits(server: _Server, waiting: _Waiting) -> bool:
    able = server.lacks.get(waiting.job) == "" and server.url not in waiting.avoid
    return able and not waiting.granted.done()


def _fitness(server: _Server, job: Job) -> tuple[bool, bool, int, int]:
    """Which of several free servers is best.

    One that has the models loaded, else one that need not unload others; then the one with most
    slots free and the fewest prompts of other people.
    """
    loaded, empty = job.models <= server.loaded, not server.loaded
    return loaded, empty, server.free, -server.client.backlog
