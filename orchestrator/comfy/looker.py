"""Looks into one server's `/queue` and `/history`: the truth beside what the websocket tells.

One look serves all prompts and everybody who asks, and `Timeouts.apart` lies between two, so that a
slow server is asked less. When a prompt's absence is believed is in `presence`.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from orchestrator.comfy import messages
from orchestrator.comfy.address import Address
from orchestrator.comfy.events import Gap, InQueue, PromptEvent
from orchestrator.comfy.http_api import Http
from orchestrator.comfy.prompt_state import Phase
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.comfy.watch import Watch
from orchestrator.errors import ServerError, ServerUnreachable, Unsettled


class Place(Enum):
    """Where a look found a prompt."""

    PENDING = auto()
    RUNNING = auto()
    RECORDED = auto()
    NOWHERE = auto()


@dataclass(frozen=True, slots=True)
class _Question:
    prompt_id: str
    place: asyncio.Future[Place]

    def answer(self, place: Place | ServerError) -> None:
        if self.place.done():  # whoever asked has gone
            return
        if isinstance(place, ServerError):
            self.place.set_exception(place)
        else:
            self.place.set_result(place)


class Looker:
    """`run` is the task that looks; `watches` are kept by whoever follows prompts."""

    def __init__(
        self,
        address: Address,
        http: Http,
        timeouts: Timeouts,
        watches: Mapping[str, Watch],
        on_queue: Callable[[messages.Queue], None],
        on_untold: Callable[[Watch], None],
    ) -> None:
        """`on_queue` is told what each look found in the queue, `on_untold` of prompts that are
        over without the websocket having said so."""
        self._address = address
        self._http = http
        self._timeouts = timeouts
        self._watches = watches
        self._on_queue = on_queue
        self._on_untold = on_untold
        self._wanted = asyncio.Event()
        self._questions: list[_Question] = []
        self._answering_since: float | None = None
        """From when every look was answered; None: the last one was not."""

    def soon(self) -> None:
        """Look as soon as the last look is long enough ago."""
        self._wanted.set()

    async def find(self, prompt_id: str) -> Place:
        """Where a look that begins from now on finds a prompt, anybody's. Raises ServerError."""
        question = _Question(prompt_id, asyncio.get_running_loop().create_future())
        self._questions.append(question)
        self._wanted.set()
        return await question.place

    async def run(self) -> None:
        """Until it is cancelled. The server is given up when it answers no look for long."""
        now = asyncio.get_running_loop().time
        answered = last = now()
        questions: list[_Question] = []
        try:
            while True:
                await self._turn(last)
                began = last = now()
                questions, self._questions = self._questions, []
                if not questions and not self._active():
                    answered = now()
                    continue
                try:
                    await self._look(questions)
                except ServerError as error:
                    self._answering_since = None
                    for question in questions:
                        question.answer(error)
                    if now() - answered > self._timeouts.gone:
                        self._give_up()
                else:
                    answered = now()
                    self._answering_since = self._answering_since or began
                last = now()
        finally:
            for question in (*questions, *self._questions):
                question.answer(ServerUnreachable(f"{self._address} is closed"))

    async def _turn(self, last: float) -> None:
        """Wait until the next look is due, `last` being when the last one was over."""
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

    async def _look(self, questions: list[_Question]) -> None:
        began = asyncio.get_running_loop().time()
        watches = self._active()  # what is sent from now on may not be in the answer
        queue = await self._queue()
        found: dict[str, Place] = dict.fromkeys(queue.pending, Place.PENDING)
        found |= dict.fromkeys(queue.running, Place.RUNNING)
        for watch in watches:
            prompt_id = watch.state.prompt_id
            if prompt_id in found:
                watch.take(InQueue(prompt_id, running=found[prompt_id] is Place.RUNNING))
            elif watch.active:
                found[prompt_id] = await self._recorded(watch, began)
        for question in questions:
            if question.prompt_id not in found:
                told = await self._history(question.prompt_id)
                found[question.prompt_id] = Place.RECORDED if told else Place.NOWHERE
            question.answer(found[question.prompt_id])
        self._on_queue(queue)

    async def _recorded(self, watch: Watch, began: float) -> Place:
        told = await self._history(watch.state.prompt_id)
        if told and watch.state.phase is not Phase.OVER and not watch.unheard:
            self._on_untold(watch)
        for event in told:
            watch.take(event)
        if not told:
            watch.miss(began, self._answering_since or began, self._timeouts.read)
        if watch.over_for > self._timeouts.trail:
            watch.take(Gap())
        return Place.RECORDED if told else Place.NOWHERE

    async def _queue(self) -> messages.Queue:
        body = await self._http.get_json("/queue", retries=False)
        try:
            return messages.read_queue(body)
        except ValueError:
            raise self._http.not_comfyui() from None

    async def _history(self, prompt_id: str) -> tuple[PromptEvent, ...]:
        """Empty if it has no entry."""
        body = await self._http.get_json(f"/history/{prompt_id}", retries=False)
        try:
            return messages.read_history(prompt_id, body)
        except ValueError:
            raise self._http.not_comfyui() from None

    def _give_up(self) -> None:
        for watch in self._active():
            watch.fail(
                Unsettled(
                    f"{self._address} has not answered for {self._timeouts.gone:g} s: is it still "
                    "running?"
                )
            )
