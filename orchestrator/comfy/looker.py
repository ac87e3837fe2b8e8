"""Looks into one server's `/queue` and `/history`: the truth beside what the websocket tells.

One look serves all prompts and everybody who asks, and no two begin within `Timeouts.apart`. When
a prompt's absence is believed is in `presence`.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from orchestrator.comfy import messages
from orchestrator.comfy.address import Address
from orchestrator.comfy.events import Gap, InQueue, PromptEvent
from orchestrator.comfy.http_api import Http
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.comfy.watch import Watch
from orchestrator.errors import ServerError, ServerUnreachable, Unsettled


class Looker:
    """`run` is the task that looks; `watches` are kept by whoever follows prompts."""

    def __init__(
        self,
        address: Address,
        http: Http,
        timeouts: Timeouts,
        watches: Mapping[str, Watch],
        on_queue: Callable[[messages.Queue], None],
    ) -> None:
        """`on_queue` is told what each look found in the queue."""
        self._address = address
        self._http = http
        self._timeouts = timeouts
        self._watches = watches
        self._on_queue = on_queue
        self._wanted = asyncio.Event()
        self._asked: list[asyncio.Future[messages.Queue]] = []
        self._answering_since: float | None = None
        """From when every look was answered; None: the last one was not."""

    def soon(self) -> None:
        """Look as soon as the last look is long enough ago."""
        self._wanted.set()

    async def look(self) -> messages.Queue:
        """The queue at a look that begins from now on. Raises ServerError."""
        asked = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        self._wanted.set()
        found: messages.Queue = await asked
        return found

    async def history(self, prompt_id: str) -> tuple[PromptEvent, ...]:
        """Empty if it has no entry. Raises ServerError."""
        body = await self._http.get_json(f"/history/{prompt_id}", retries=False)
        try:
            return messages.read_history(prompt_id, body)
        except ValueError:
            raise self._http.not_comfyui() from None

    async def run(self) -> None:
        """Until it is cancelled. The server is given up when it answers no look for long."""
        now = asyncio.get_running_loop().time
        answered = began = now()
        asked: list[asyncio.Future[messages.Queue]] = []
        try:
            while True:
                await self._turn(began)
                began = now()
                asked, self._asked = self._asked, []
                if not asked and not self._active():
                    answered = now()
                    continue
                try:
                    queue = await self._look()
                except ServerError as error:
                    self._answering_since = None
                    _settle(asked, error)
                    if now() - answered > self._timeouts.gone:
                        self._give_up()
                else:
                    answered = now()
                    self._answering_since = self._answering_since or began
                    _settle(asked, queue)
        finally:
            _settle([*asked, *self._asked], ServerUnreachable(f"{self._address} is closed"))

    async def _turn(self, last: float) -> None:
        """Wait until the next look is due."""
        unheard = any(watch.unheard for watch in self._active())
        pause = self._timeouts.apart if unheard else self._timeouts.poll
        with suppress(TimeoutError):
            async with asyncio.timeout_at(last + pause):
                await self._wanted.wait()
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, last + self._timeouts.apart - loop.time()))
        self._wanted.clear()

    def _active(self) -> list[Watch]:
        return [watch for watch in self._watches.values() if watch.active]

    async def _look(self) -> messages.Queue:
        began = asyncio.get_running_loop().time()
        watches = self._active()  # what is sent from now on may not be in the answer
        body = await self._http.get_json("/queue", retries=False)
        try:
            queue = messages.read_queue(body)
        except ValueError:
            raise self._http.not_comfyui() from None
        for watch in watches:
            await self._look_up(watch, queue, began)
        self._on_queue(queue)
        return queue

    async def _look_up(self, watch: Watch, queue: messages.Queue, began: float) -> None:
        prompt_id = watch.state.prompt_id
        if prompt_id in queue.running or prompt_id in queue.pending:
            watch.take(InQueue(prompt_id, running=prompt_id in queue.running))
            return
        if not watch.active:
            return
        told = await self.history(prompt_id)
        for event in told:
            watch.take(event)
        if not told:
            watch.miss(self._answering_since or began, self._timeouts.read)
        if watch.over_for > self._timeouts.trail:
            watch.take(Gap())

    def _give_up(self) -> None:
        for watch in self._active():
            watch.fail(
                Unsettled(
                    f"{self._address} has not answered for {self._timeouts.gone:g} s: is it still "
                    "running?"
                )
            )


def _settle(
    asked: list[asyncio.Future[messages.Queue]], found: messages.Queue | ServerError
) -> None:
    for future in asked:
        if future.done():
            continue
        if isinstance(found, ServerError):
            future.set_exception(found)
        else:
            future.set_result(found)
