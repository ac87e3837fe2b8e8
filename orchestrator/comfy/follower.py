"""Keeps every watched prompt's state in step with one server, until it is settled.

The websocket is for speed: this listens to it, replaces it when it is lost or silent, and hands
events to the prompts they belong to. The truth comes from `looker`. If either task ends, everybody
who waits gets an error.
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
    Features,
    Gap,
    NodeText,
    Preview,
    Started,
    Status,
)
from orchestrator.comfy.frames import decode
from orchestrator.comfy.http_api import Http
from orchestrator.comfy.looker import Looker
from orchestrator.comfy.prompt_state import Phase, PromptState
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.comfy.watch import OnEvent, Watch
from orchestrator.comfy.websocket import Connect, Socket, open_socket
from orchestrator.errors import ServerUnreachable, Unsettled


class Follower:
    """An async context manager: entered, it is connected and listening."""

    def __init__(self, address: Address, http: Http, connect: Connect, timeouts: Timeouts) -> None:
        self._address = address
        self._connect = connect
        self._timeouts = timeouts
        self._watches: dict[str, Watch] = {}
        self.looker = Looker(address, http, timeouts, self._watches, self._compare, self._doubt)
        self._executing: str | None = None
        """The prompt that frames without a prompt id belong to."""
        self._named = False
        """Pictures of our prompts name them."""
        self.backlog = 0
        """Prompts in the server's queue that are not followed here, as the last look found it."""
        self._heard = 0.0
        """When the last frame came."""
        self._patience = asyncio.timeout(None)
        """Ends the listening to a websocket that is not trusted any more."""
        self._online = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._closed = False
        self.client_id = ""

    async def __aenter__(self) -> Self:
        socket = await self._open()
        self._tasks = (
            asyncio.create_task(self._listen(socket)),
            asyncio.create_task(self.looker.run()),
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

    @property
    def is_online(self) -> bool:
        return self._online.is_set() and not self._closed

    async def online(self) -> None:
        """Wait until the websocket is open. Raises ServerUnreachable."""
        if self.is_online:
            return
        try:
            async with asyncio.timeout(self._timeouts.gone):
                await self._online.wait()
        except TimeoutError:
            raise ServerUnreachable(
                f"the websocket of {self._address} could not be opened again for "
                f"{self._timeouts.gone:g} s: is ComfyUI still running there?"
            ) from None
        self.check()

    def check(self) -> None:
        """Raises ServerUnreachable when closed."""
        if self._closed:
            raise ServerUnreachable(f"the connection to {self._address} is closed")

    @contextmanager
    def watch(self, state: PromptState, on_event: OnEvent) -> Iterator[Watch]:
        """Keeps a prompt's state in step within the block, once it is sent."""
        self.check()
        if state.prompt_id in self._watches:
            raise ValueError(f"prompt {state.prompt_id} is followed already")
        watch = self._watches[state.prompt_id] = Watch(state, on_event)
        try:
            yield watch
        finally:
            del self._watches[state.prompt_id]

    def suspect(self, watch: Watch) -> None:
        """The server may have the prompt: find out."""
        watch.presence.suspect(asyncio.get_running_loop().time())
        self.looker.soon()

    def take(self, prompt_id: str, event: Event) -> None:
        """An event that somebody else learnt."""
        if watch := self._watches.get(prompt_id):
            watch.take(event)

    async def _open(self) -> Socket:
        """Under a fresh client id.

        Under the old one, a server that sees the old socket's end late would forget the new one.
        """
        client_id = str(uuid.uuid4())
        socket = await open_socket(self._address, client_id, self._connect, self._timeouts)
        self.client_id = client_id
        self._heard = asyncio.get_running_loop().time()
        self._online.set()
        return socket

    async def _listen(self, socket: Socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(None) as self._patience:
                    while True:
                        frame = await socket.receive()
                        self._heard = loop.time()
                        self._route(decode(frame))
            except OSError:  # a TimeoutError is one, too
                self._online.clear()
                self._route(Gap())
                self.looker.soon()
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
            case Features(names_previews=named):
                self._named = named
                return
            case Preview(None) if self._named:
                return
            case Gap():
                self._executing = None
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
                self.looker.soon()

    def _compare(self, queue: messages.Queue) -> None:
        """What a look found in the queue with what the websocket told.

        Silence proves nothing, unless the server should be telling: of a prompt that was queued
        under this websocket's client id, and runs.
        """
        waiting = (*queue.running, *queue.pending)
        self.backlog = sum(prompt_id not in self._watches for prompt_id in waiting)
        now = asyncio.get_running_loop().time()
        silent = min(
            now - self._heard,
            max((w.running_for for w in self._watches.values() if not w.unheard), default=0.0),
        )
        if silent > self._timeouts.silence:
            self._distrust()

    def _doubt(self, watch: Watch) -> None:
        """A prompt of ours ran without a word on the websocket, not even of the queue."""
        if self._heard < watch.created:
            self._distrust()

    def _distrust(self) -> None:
        """Once for each websocket, until another is open."""
        if self._online.is_set():
            self._online.clear()
            self._patience.reschedule(asyncio.get_running_loop().time())

    def _end(self, task: asyncio.Task[None]) -> None:
        """A task is over, by closing or by a fault: nobody shall wait for what won't come."""
        self._closed = True
        self._online.set()
        fault = None if task.cancelled() else task.exception()
        for watch in self._watches.values():
            if watch.active:
                closed = Unsettled(f"the connection to {self._address} is closed")
                closed.__cause__ = fault
                watch.fail(closed)
