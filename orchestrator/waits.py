"""What a run waits for, told to its watch: once for each wait, and when it is over."""

import asyncio
import contextlib

from orchestrator.comfy.fleet import Fleet
from orchestrator.errors import ServerUnreachable
from orchestrator.progress import Resumed, Waiting, Watch

_SOON = 1.0
"""Seconds in which a server may answer again without a word about it."""


class ServerWaits:
    """Of servers that may be down, however often that is noticed. Closed with the run."""

    def __init__(self, fleet: Fleet, watch: Watch) -> None:
        self._fleet = fleet
        self._watch = watch
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, url: str) -> None:
        """The server may be down: tell it, if it is, and when it answers again."""
        if url not in self._tasks and not self._fleet.answers(url):
            task = self._tasks[url] = asyncio.create_task(self._tell(url))
            task.add_done_callback(lambda _: self._tasks.pop(url))

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, url: str) -> None:
        try:
            async with asyncio.timeout(_SOON):
                await self._answering(url)
        except TimeoutError:
            self._watch(Waiting(on=url, message=f"server {url} does not answer: waiting for it"))
            await self._answering(url)
            self._watch(Resumed(on=url))

    async def _answering(self, url: str) -> None:
        """Until the server gets work, and its websocket is open."""
        while True:
            client = await self._fleet.answering(url)
            with contextlib.suppress(ServerUnreachable):
                return await client.online()
            await asyncio.sleep(_SOON)


class ScorerWaits:
    """Of one target's pictures that lie on disk while the scorer is in trouble."""

    def __init__(self, url: str, watch: Watch) -> None:
        self._url = url
        self._watch = watch
        self._pictures: set[str] = set()

    def begin(self, picture: str, trouble: str) -> None:
        """A picture can't be scored now; to be called with every try."""
        if picture not in self._pictures:
            self._pictures.add(picture)
            several = len(self._pictures) > 1
            number = f"{len(self._pictures)} pictures wait" if several else "1 picture waits"
            self._watch(Waiting(on=self._url, message=f"{trouble}: {number} on disk"))

    def end(self, picture: str) -> None:
        """The scorer has answered: one for whom it was waited for ends the wait for all."""
        if picture in self._pictures:
            self._pictures.clear()
            self._watch(Resumed(on=self._url))
