"""The HTTP API: aiohttp on the outside, `pipeline` inside. The only room that knows the framework.

::

    POST /v1/score?prompt=…&metrics=clip   body: an image → ScoreAnswer
    GET  /v1/models                        → ModelsAnswer
    GET  /healthz                          → the process is alive
    GET  /readyz                           → the model is loaded, and a canary went through it

Whatever goes wrong is answered with an ErrorAnswer, and the next request is served.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import BaseModel
from yarl import URL

from scorer.batching import ModelQueue
from scorer.errors import BadRequest, NotReady, RequestError, StartError, TooLarge
from scorer.image import Limits
from scorer.wire import Error, ErrorAnswer, ErrorType, HealthAnswer, ModelsAnswer, ReadyAnswer

if TYPE_CHECKING:  # importing it takes torch and seconds; this room is there from the start
    from scorer.pipeline import Pipeline

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PROMPT_LIMIT = 8_192
"""Characters of a prompt."""
LINE_LIMIT = 2**17
"""Bytes of the request line: a prompt may have 12 in percent-encoded UTF-8 for each character."""
RETRY_AFTER = "1"
"""Seconds a refused caller is asked to wait."""
GRACE_SECONDS = 2.0
"""What requests under way are given to finish when the server is told to end."""


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve an application on a port (0: any free one); yields its URL.

    Raises:
        StartError: the port can't be had.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,  # a caller that went away has its place in the queue freed
        max_line_size=LINE_LIMIT,
        shutdown_timeout=GRACE_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as reason:
        raise StartError(f"can't listen on {host}:{port}: {_cause(reason)}") from reason
    try:
        yield str(URL.build(scheme="http", host=host, port=runner.addresses[0][1]))
    finally:
        await runner.cleanup()


def _cause(reason: OSError) -> str:
    return (reason.strerror or str(reason)).rpartition(": ")[2]  # asyncio puts a story before it


class Server:
    """Answers requests from the start; scores once it has been given a pipeline."""

    def __init__(self, queue: ModelQueue, limits: Limits, upload_seconds: float = 30.0) -> None:
        self._queue = queue
        self._upload_seconds = upload_seconds
        self._pipeline: Pipeline | None = None
        self.app = web.Application(client_max_size=limits.bytes, middlewares=[errors_as_json])
        self.app.add_routes(
            [
                web.post("/v1/score", self._score),
                web.get("/v1/models", self._models),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
            ]
        )

    def ready(self, pipeline: "Pipeline") -> None:
        """Serve this pipeline from now on."""
        self._pipeline = pipeline

    @property
    def pipeline(self) -> "Pipeline":
        if self._pipeline is None:
            raise NotReady("the model is still loading; try again in a second")
        return self._pipeline

    async def _score(self, request: web.Request) -> web.Response:
        pipeline = self.pipeline
        prompt = _prompt(request)
        metrics = request.query.get("metrics", "clip").split(",")
        with self._queue.place():
            data = await self._body(request)
            return _json(await pipeline.score(data, prompt, metrics))

    async def _body(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self._upload_seconds):
                return await request.read()
        except TimeoutError:
            raise BadRequest(f"the body did not arrive in {self._upload_seconds:g} s") from None

    async def _models(self, request: web.Request) -> web.Response:
        return _json(ModelsAnswer(models=(self.pipeline.info,)))

    async def _healthz(self, request: web.Request) -> web.Response:
        return _json(HealthAnswer())

    async def _readyz(self, request: web.Request) -> web.Response:
        return _json(ReadyAnswer(model=self.pipeline.info.name))


def _prompt(request: web.Request) -> str:
    prompt = request.query.get("prompt", "").strip()
    if not prompt:
        raise BadRequest("no prompt; give it in the query: /v1/score?prompt=a+red+circle")
    if len(prompt) > PROMPT_LIMIT:
        raise BadRequest(
            f"the prompt has {len(prompt):,} characters; the limit is {PROMPT_LIMIT:,}"
        )
    return prompt


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RequestError as error:
        return _error(error.status, error.type, str(error))
    except web.HTTPRequestEntityTooLarge as error:
        return _error(TooLarge.status, TooLarge.type, error.text or error.reason)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _error(
            error.status, "bad_request", f"{request.method} {request.path}: {error.reason}"
        )
    except Exception as error:
        log.exception("%s %s failed", request.method, request.path)
        line = " ".join(str(error).split())[:200]
        return _error(500, "internal", f"{type(error).__name__}: {line}")


def _error(status: int, type_: ErrorType, message: str) -> web.Response:
    headers = {"Retry-After": RETRY_AFTER} if type_ == "busy" else None
    return _json(ErrorAnswer(error=Error(type=type_, message=message)), status, headers)


def _json(
    message: BaseModel, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(
        text=message.model_dump_json(),
        status=status,
        headers=headers,
        content_type="application/json",
    )
