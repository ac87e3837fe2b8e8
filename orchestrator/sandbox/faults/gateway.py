"""Where every HTTP exchange passes: it is noted down, and a fault may strike before and after.

Also the routes by which faults are armed.
"""

import asyncio
import contextlib

from aiohttp import web
from aiohttp.typedefs import Handler

from orchestrator.sandbox.faults import kinds
from orchestrator.sandbox.faults.answers import Exchange
from orchestrator.sandbox.faults.armed import Faults
from orchestrator.sandbox.faults.strikes import Strikes
from orchestrator.sandbox.log import Observer

_OURS = "/_sandbox/"
"""What is for tests alone; no fault strikes there."""


class Gateway:
    def __init__(self, faults: Faults, strikes: Strikes, observer: Observer) -> None:
        self._faults = faults
        self._strikes = strikes
        self._observer = observer
        self._serving: set[asyncio.Task[object]] = set()

    def routes(self) -> list[web.RouteDef]:
        path = f"{_OURS}faults"
        return [
            web.get(path, self._show),
            web.post(path, self._arm),
            web.delete(path, self._disarm),
        ]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            if request.path.startswith(_OURS):
                return await handler(request)
            return await self._serve(request, handler)
        finally:
            self._serving.discard(task)

    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._observer.asked(request.method, request.path_qs)
        exchange = Exchange(request, handler)
        await self._strikes.on_exchange("request", exchange)
        if exchange.response is None:
            exchange.response = await handler(request)
            if not isinstance(exchange.response, web.WebSocketResponse):
                await self._strikes.on_exchange("answer", exchange)
        return exchange.response

    def cut_off(self) -> None:
        """Give up all that is being served."""
        for task in list(self._serving):
            task.cancel()

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(self._faults.shown())

    async def _arm(self, request: web.Request) -> web.StreamResponse:
        try:
            faults = kinds.read(await request.read())
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        self._faults.arm(faults)
        # Answered first: what strikes now may end this connection too.
        response = web.json_response(self._faults.shown())
        with contextlib.suppress(ConnectionError):
            await response.prepare(request)
            await response.write_eof()
        await self._strikes.now()
        return response

    async def _disarm(self, request: web.Request) -> web.Response:
        self._faults.disarm()
        return web.json_response(self._faults.shown())
