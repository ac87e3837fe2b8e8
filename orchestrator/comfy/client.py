"""One ComfyUI server as an async object: send a prompt, follow it, fetch pictures, cancel.

What happens to prompts on the server is kept by `follower`; what events and bodies mean is in
`prompt_state` and `messages`. All durations are `Timeouts`; time is the event loop's.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import PurePath
from types import TracebackType
from typing import Any, Self

import httpx

from orchestrator import png
from orchestrator.comfy import capability, messages
from orchestrator.comfy.address import Address
from orchestrator.comfy.events import Deleted
from orchestrator.comfy.explain import Explainer
from orchestrator.comfy.follower import Follower
from orchestrator.comfy.http_api import Answer, Http, Unanswered
from orchestrator.comfy.outcome import Outcome, conclude
from orchestrator.comfy.prompt_state import End, OutputImage, PromptState
from orchestrator.comfy.sender import Sender
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.comfy.watch import OnEvent, Watch, ignore
from orchestrator.comfy.websocket import Connect, connector
from orchestrator.errors import PromptRejected, ServerError, ServerUnreachable

MAX_BYTES = 256 * 1024 * 1024
"""Largest answer and websocket frame taken by default."""


class ComfyClient:
    """An async context manager; any number of prompts may be under way at once.

    Entering it connects. Raises SettingsError (no server address), ServerUnreachable, NotComfyUI.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts | None = None,
        max_bytes: int = MAX_BYTES,
        transport: httpx.AsyncBaseTransport | None = None,
        connect: Connect | None = None,
    ) -> None:
        """`headers` go on every request and on the websocket's handshake.

        `transport` and `connect` replace the network in tests.
        """
        self.address = Address.parse(url)
        self._timeouts = timeouts = timeouts or Timeouts()
        headers = headers or {}
        self._http = Http(
            self.address,
            headers=headers,
            timeouts=timeouts,
            max_bytes=max_bytes,
            transport=transport,
        )
        self._follower = Follower(
            self.address, self._http, connect or connector(headers, timeouts, max_bytes), timeouts
        )
        self._sender = Sender(self._http, self._follower.looker, timeouts)
        self._object_info: Mapping[str, Any] | None = None
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._http)
            await self.system()
            await stack.enter_async_context(self._follower)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._sender.close()
        await self._open.aclose()

    @property
    def backlog(self) -> int:
        """Prompts in the server's queue that are not followed here, as the last look found it."""
        return self._follower.backlog

    @property
    def is_online(self) -> bool:
        """Whether the websocket is open, as far as is known."""
        return self._follower.is_online

    async def online(self) -> None:
        """Wait until the websocket is open. Raises ServerUnreachable when it won't be."""
        await self._follower.online()

    async def system(self) -> Mapping[str, Any]:
        """`/system_stats`: versions, memory, devices."""
        try:
            return messages.read_system(await self._http.get_json("/system_stats"))
        except ValueError:
            raise self._http.not_comfyui() from None

    async def object_info(self) -> Mapping[str, Any]:
        """`/object_info`: every node class with its inputs. Some MB, so read once."""
        if self._object_info is None:
            answer = self._checked(await self._http.get("/object_info"))
            try:
                self._object_info = capability.read(answer.body)
            except ValueError:
                raise self._http.not_comfyui(answer) from None
        return self._object_info

    async def learn(self) -> None:
        """Reads `/object_info` anew, for `lacks`. Raises ServerUnreachable."""
        self._object_info = None
        try:
            await self.object_info()
        except ServerUnreachable:
            raise
        except ServerError:  # what does not tell its nodes is taken at its word later
            return

    def lacks(self, graph: Mapping[str, Any]) -> str:
        """What keeps the server from running an API-format graph, in one line; "" if nothing that
        is known."""
        if self._object_info is None:
            return ""
        return capability.lacks(str(self.address), graph, self._object_info)

    async def free(self) -> None:
        """Has the server unload its models and free its memory. Raises ServerError."""
        self._checked(await self._http.post("/free", json=messages.free_body()))

    async def generate(
        self, graph: Mapping[str, Any], prompt_id: str, on_event: OnEvent = ignore
    ) -> Outcome:
        """Sends an API-format graph under an id of ours (a canonical UUID) and follows it.

        Raises PromptRejected and other ServerErrors when the server does not have the prompt;
        Unsettled when it may have it, and can't be asked.
        """
        with self._follower.watch(PromptState.of(prompt_id, graph), on_event) as watch:
            dropped = await self._submit(graph, watch)
            return await self._conclude(watch, graph, dropped)

    async def follow(
        self, prompt_id: str, on_event: OnEvent = ignore, *, graph: Mapping[str, Any] | None = None
    ) -> Outcome:
        """Waits for a prompt sent earlier, by whomever; lost, if the server knows nothing of it.

        With its graph, messages name nodes by title, and a picture that went over a websocket
        nobody heard is noticed. Raises Unsettled when the server can't be asked.
        """
        graph = graph or {}
        with self._follower.watch(PromptState.of(prompt_id, graph, missed=True), on_event) as watch:
            self._sender.expect(prompt_id, watch.presence)
            self._follower.suspect(watch)
            return await self._conclude(watch, graph, ())

    async def fetch(self, image: OutputImage) -> bytes:
        """The picture's bytes, by `/view` unless the websocket brought them.

        Raises ServerUnreachable when trying again may help, else ServerError.
        """
        if image.data is not None:
            return image.data
        ref = image.ref
        params = {"filename": ref.filename, "subfolder": ref.subfolder, "type": ref.type}
        for delay in (*self._timeouts.retry, None):
            answer = await self._http.get("/view", params)
            if answer.status == 200 and _is_picture(answer):
                return answer.body
            if answer.status not in (200, 404):
                raise self._http.refusal(answer)
            if delay is not None:
                await asyncio.sleep(delay)  # the disk may be slower than the word
        if answer.status == 404:
            raise ServerError(f"{self.address} no longer has the picture '{ref.filename}'")
        raise ServerUnreachable(
            f"{self.address} sends {answer.content_type or 'no type'} for the picture "
            f"'{ref.filename}': does a proxy keep it back?"
        )

    async def cancel(self, prompt_id: str) -> bool:
        """Takes the prompt out of the queue, or stops it if it runs; nobody else's.

        Returns whether the server has been seen without it, within `Timeouts.cancel` seconds. It
        may have ended by itself meanwhile. Raises ServerError.
        """
        self._follower.check()
        if not self._sender.expects(prompt_id):  # it waits for a connection: never to be sent
            self._follower.take(prompt_id, Deleted(prompt_id))
        gone = await self._sender.remove(prompt_id)
        if gone:
            self._follower.take(prompt_id, Deleted(prompt_id))
        return gone

    async def upload(self, filename: str, data: bytes) -> str:
        """Puts a picture into the server's input folder; returns LoadImage's name for it.

        The name there is made of the content's hash, so that a second upload changes nothing.
        """
        name = f"{hashlib.sha256(data).hexdigest()[:32]}{PurePath(filename).suffix.lower()}"
        answer = await self._http.post(
            "/upload/image", files={"image": (name, data)}, data={"overwrite": "true"}
        )
        match self._http.json(self._checked(answer)):
            case {"name": str(stored), "subfolder": str(subfolder)}:
                return f"{subfolder}/{stored}" if subfolder else stored
        raise self._http.not_comfyui(answer)

    async def _submit(self, graph: Mapping[str, Any], watch: Watch) -> tuple[str, ...]:
        """Why outputs were dropped, one line each. Raises PromptRejected, ServerError."""
        prompt_id = watch.state.prompt_id
        await self._follower.online()
        if watch.state.settled:  # cancelled meanwhile
            return ()
        try:
            answer = await self._sender.send(
                graph, prompt_id, self._follower.client_id, watch.presence
            )
        except Unanswered:
            self._follower.suspect(watch)
            return ()
        if answer.status == 400:
            explainer = await self._explainer(graph)
            raise PromptRejected(explainer.rejection(self._http.json(answer)))
        if answer.status >= 500:  # it may be queued all the same
            self._follower.suspect(watch)
            if not answer.from_proxy:
                watch.refusal = self._http.refusal(answer)
                watch.confirm()  # nothing will come later
            return ()
        try:
            accepted = messages.read_accepted(self._http.json(self._checked(answer)))
        except ValueError:
            raise self._http.not_comfyui(answer) from None
        if accepted.prompt_id != prompt_id:
            await self.cancel(accepted.prompt_id)
            raise ServerError(f"{self.address} ignores the prompt id it is given: update ComfyUI")
        if not accepted.node_errors:
            return ()
        return (await self._explainer(graph)).dropped(accepted.node_errors)

    async def _conclude(
        self, watch: Watch, graph: Mapping[str, Any], dropped: tuple[str, ...]
    ) -> Outcome:
        await watch.wait()
        self._sender.settled(watch.state.prompt_id)
        if watch.state.end is End.LOST and watch.refusal:
            raise watch.refusal
        explainer = Explainer(str(self.address), graph, {})
        return conclude(watch.state, explainer, dropped=dropped, seconds=watch.seconds)

    async def _explainer(self, graph: Mapping[str, Any]) -> Explainer:
        """With the server's choices, if it tells them."""
        try:
            choices = await self.object_info()
        except ServerError:
            choices = {}
        return Explainer(str(self.address), graph, choices)

    def _checked(self, answer: Answer) -> Answer:
        if answer.status != 200:
            raise self._http.refusal(answer)
        return answer


def _is_picture(answer: Answer) -> bool:
    known = png.extension(answer.body) != ".img"
    return known or bool(answer.body and answer.content_type.startswith("image/"))
