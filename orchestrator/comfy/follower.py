"""Keeps every watched prompt's state in step with one server, until it is settled.

Two tasks: one listens to the websocket, and opens it again when it is lost; one looks slowly into
`/queue` and `/history`, for all prompts at once. If either task ends, or the server is given up,
everybody who waits gets an error.
"""

import asyncio
import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from orchestrator.comfy import messages
from orchestrator.comfy.address import Address
from orchestrator.comfy.events import (
    Event,
    Executing,
    Gap,
    InQueue,
    Missing,
    NodeText,
    Preview,
    PromptEvent,
    Started,
    Status,
)
from orchestrator.comfy.frames import decode
from orchestrator.comfy.http_api import Http
from orchestrator.comfy.prompt_state import Phase, PromptState
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.comfy.watch import OnEvent, Watch
from orchestrator.comfy.websocket import Connect, Socket, open_socket
from orchestrator.errors import ServerError, ServerUnreachable

_LOST_AFTER = 2
"""Looks in a row that find a prompt nowhere. One may fall between queue and history."""


class Follower:
    """An async context manager: entered, it is connected and listening."""

    def __init__(self, address: Address, http: Http, connect: Connect, timeouts: Timeouts) -> None:
        self._address = address
        self._http = http
        self._connect = connect
        self._timeouts = timeouts
        self._watches: dict[str, Watch] = {}
        self._executing: str | None = None
        """The prompt that frames without a prompt id belong to."""
        self._look_now = asyncio.Event()
        self._online = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._ended: Exception | None = None
        self.client_id = ""

    async def __aenter__(self) -> Self:
        socket = await self._open()
        self._tasks = (
            asyncio.create_task(self._listen(socket)),
            asyncio.create_task(self._poll()),
        )
        for task in self._tasks:
            task.add_done_callback(self._end)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def online(self) -> None:
        """Wait until the websocket is open. Raises ServerUnreachable."""
        self._check()
        try:
            async with asyncio.timeout(self._timeouts.gone):
                await self._online.wait()
        except TimeoutError:
            raise self._given_up() from None

    @contextmanager
    def watch(self, state: PromptState, on_event: OnEvent) -> Iterator[Watch]:
        """Keeps a prompt's state in step within the block."""
        self._check()
        if state.prompt_id in self._watches:
            raise ValueError(f"prompt {state.prompt_id} is followed already")
        watch = self._watches[state.prompt_id] = Watch(state, on_event)
        try:
            yield watch
        finally:
            del self._watches[state.prompt_id]

    def take(self, prompt_id: str, event: Event) -> None:
        """An event that somebody else learnt."""
        if watch := self._watches.get(prompt_id):
            watch.take(event)

    def look_soon(self) -> None:
        """Look into queue and history without waiting for the next turn."""
        self._look_now.set()

    async def queue(self) -> messages.Queue:
        """Raises ServerError."""
        body = await self._http.get_json("/queue")
        try:
            return messages.read_queue(body)
        except ValueError:
            raise self._http.not_comfyui() from None

    async def history(self, prompt_id: str) -> tuple[PromptEvent, ...]:
        """Empty if it has no entry. Raises ServerError."""
        body = await self._http.get_json(f"/history/{prompt_id}")
        try:
            return messages.read_history(prompt_id, body)
        except ValueError:
            raise self._http.not_comfyui() from None

    async def look(self, watch: Watch, queue: messages.Queue) -> bool:
        """Whether the prompt is in `queue`, just read, or in the history. Raises ServerError."""
        prompt_id = watch.state.prompt_id
        if prompt_id in queue.running or prompt_id in queue.pending:
            watch.take(InQueue(prompt_id, running=prompt_id in queue.running))
            return True
        told = await self.history(prompt_id)
        for event in told:
            watch.take(event)
        return bool(told)

    async def _open(self) -> Socket:
        """Under a fresh client id: a server may close the name of the old one late."""
        client_id = str(uuid.uuid4())
        socket = await open_socket(self._address, client_id, self._connect, self._timeouts)
        self.client_id = client_id
        self._online.set()
        return socket

    async def _listen(self, socket: Socket) -> None:
        while True:
            try:
                while True:
                    self._route(decode(await socket.receive()))
            except OSError:
                self._online.clear()
                self._route(Gap())
            finally:
                with suppress(OSError):
                    await socket.close()
            socket = await self._reopen()

    async def _reopen(self) -> Socket:
        *delays, last = self._timeouts.reconnect
        for delay in itertools.chain(delays, itertools.repeat(last)):
            await asyncio.sleep(delay)
            with suppress(ServerUnreachable):
                return await self._open()
        raise AssertionError("unreachable: the last delay repeats")

    def _route(self, event: Event | None) -> None:
        """To the prompt that it names, or else to the one that executes."""
        match event:
            case None | Status():
                return
            case Gap():
                for watch in self._watches.values():
                    watch.take(event)
                return
            case Executing(None) | Preview(None) | NodeText(None):
                prompt_id = self._executing
            case Started() | Executing():
                prompt_id = self._executing = event.prompt_id
            case _:
                prompt_id = event.prompt_id
        if prompt_id in self._watches:
            watch = self._watches[prompt_id]
            watch.take(event)
            if watch.state.phase is Phase.OVER and not watch.state.settled:
                self.look_soon()

    async def _poll(self) -> None:
        now = asyncio.get_running_loop().time
        answered = now()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timeouts.poll):
                    await self._look_now.wait()
            self._look_now.clear()
            try:
                if self._watches:
                    await self._look_at_all()
                answered = now()
            except ServerError:
                if now() - answered > self._timeouts.gone:
                    for watch in self._watches.values():
                        watch.fail(self._given_up())

    async def _look_at_all(self) -> None:
        queue = await self.queue()
        for watch in [watch for watch in self._watches.values() if watch.sent]:
            if await self.look(watch, queue):
                watch.misses = 0
            else:
                watch.misses += 1
                if watch.misses >= _LOST_AFTER:
                    watch.take(Missing(watch.state.prompt_id))
            if watch.over_for > self._timeouts.trail:
                watch.take(Gap())

    def _end(self, task: asyncio.Task[None]) -> None:
        """A task is over, by closing or by a fault: nobody shall wait for what won't come."""
        fault = None if task.cancelled() else task.exception()
        self._ended = ServerUnreachable(f"the connection to {self._address} is closed")
        self._ended.__cause__ = fault
        for watch in self._watches.values():
            watch.fail(self._ended)

    def _check(self) -> None:
        if self._ended:
            raise self._ended

    def _given_up(self) -> ServerUnreachable:
        return ServerUnreachable(
            f"{self._address} has not answered for {self._timeouts.gone:g} s: is it still running?"
        )
