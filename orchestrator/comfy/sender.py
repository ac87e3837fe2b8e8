"""Puts prompts into one server's queue and takes them out again: ours only, and each only once.

What a prompt that was sent comes to is `follower`'s matter.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from orchestrator.comfy import messages
from orchestrator.comfy.http_api import Answer, Http, Unanswered
from orchestrator.comfy.looker import Looker, Place
from orchestrator.comfy.presence import Presence
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.errors import ServerUnreachable, Unsettled


class Sender:
    def __init__(self, http: Http, looker: Looker, timeouts: Timeouts) -> None:
        self._http = http
        self._looker = looker
        self._timeouts = timeouts
        self._posts: dict[str, asyncio.Task[Answer]] = {}
        """POSTs under way. They outlive whoever waits for them: each is to have a known end."""
        self._presences: dict[str, Presence] = {}
        """Of prompts that may be on the server, until they are settled or gone."""

    async def close(self) -> None:
        posts = list(self._posts.values())
        for post in posts:
            post.cancel()
        await asyncio.gather(*posts, return_exceptions=True)

    async def send(
        self, graph: Mapping[str, Any], prompt_id: str, client_id: str, presence: Presence
    ) -> Answer:
        """POST `/prompt`. Raises Unanswered, Unsettled when closed, else ServerUnreachable."""
        body = messages.prompt_body(graph, prompt_id, client_id)
        post = asyncio.create_task(self._http.post("/prompt", json=body))
        self._posts[prompt_id] = post
        self.expect(prompt_id, presence)
        post.add_done_callback(lambda post: self._sent(prompt_id, presence, post))
        await asyncio.wait({post})
        if post.cancelled():
            raise Unsettled("the connection was closed while a prompt was sent")
        return post.result()

    def _sent(self, prompt_id: str, presence: Presence, post: asyncio.Task[Answer]) -> None:
        del self._posts[prompt_id]
        if post.cancelled():
            return
        error = post.exception()
        answer = None if error else post.result()
        if answer and answer.status == 200:
            presence.confirm(asyncio.get_running_loop().time())
        elif not (answer and answer.status >= 500) and not isinstance(error, Unanswered):
            self.settled(prompt_id)

    def expect(self, prompt_id: str, presence: Presence) -> None:
        """The prompt may be on the server, or come there."""
        self._presences[prompt_id] = presence

    def expects(self, prompt_id: str) -> bool:
        return prompt_id in self._presences

    def settled(self, prompt_id: str) -> None:
        """It has ended, or won't come there any more."""
        self._presences.pop(prompt_id, None)

    async def remove(self, prompt_id: str) -> bool:
        """Deletes what waits, interrupts what runs, and looks until it is gone.

        Returns whether it is, within `Timeouts.cancel` seconds. Raises ServerError.
        """
        try:
            async with asyncio.timeout(self._timeouts.cancel):
                if post := self._posts.get(prompt_id):
                    await asyncio.wait({post})  # what is queued after a look is not seen by it
                while not await self._removed(prompt_id):
                    pass
        except TimeoutError:
            return False
        self.settled(prompt_id)
        return True

    async def _removed(self, prompt_id: str) -> bool:
        """Asks once for the prompt's removal, and looks whether it is gone.

        It may start between the two, so the look decides what is to be done. What is not there
        yet, and may still come, is not gone: it is deleted only once it was seen.
        """
        presence = self._presences.get(prompt_id) or Presence(seen=0.0)
        try:
            if presence.certain:
                await self._ask("/queue", messages.delete_body(prompt_id))
            place = await self._looker.find(prompt_id)
            if place is Place.RUNNING:
                await self._ask("/interrupt", messages.interrupt_body(prompt_id))
            if place is Place.NOWHERE:
                return presence.certain
            presence.confirm(asyncio.get_running_loop().time())
            return place is Place.RECORDED
        except ServerUnreachable:
            await asyncio.sleep(self._timeouts.apart)
            return False

    async def _ask(self, path: str, body: Mapping[str, Any]) -> None:
        answer = await self._http.post(path, json=body)
        if answer.status != 200:
            raise self._http.refusal(answer)
