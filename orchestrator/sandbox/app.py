"""The sandbox as a whole: its parts put together, started and stopped in the caller's event loop.

`process` makes a process of its own of it.
"""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from aiohttp import web

from orchestrator.sandbox.events import Hub
from orchestrator.sandbox.execution import Executor, Sleep
from orchestrator.sandbox.faults.answers import html
from orchestrator.sandbox.faults.armed import Faults
from orchestrator.sandbox.faults.gateway import Gateway
from orchestrator.sandbox.faults.kinds import Fault, Restart
from orchestrator.sandbox.faults.lines import FaultyLine
from orchestrator.sandbox.faults.strikes import Clock, Parts, Strikes
from orchestrator.sandbox.files import Folders
from orchestrator.sandbox.log import Observer
from orchestrator.sandbox.options import Options
from orchestrator.sandbox.prompt_queue import History, PromptQueue
from orchestrator.sandbox.server import Server


@dataclass(frozen=True, slots=True)
class _Life:
    """What ends with a restart."""

    queue: PromptQueue
    history: History
    strikes: Strikes
    runner: web.AppRunner
    exits: contextlib.AsyncExitStack


class Sandbox:
    """A running sandbox::

        async with Sandbox(Options()) as sandbox:
            print(sandbox.url)

    Raises OSError on entering when the port is taken. `sleep` lets tests decide how time passes.
    """

    def __init__(
        self, options: Options, *, faults: Iterable[Fault] = (), sleep: Sleep = asyncio.sleep
    ) -> None:
        self.url = ""
        self.observer = Observer()
        self.faults = Faults(self.observer, faults)
        self._options = options
        self._sleep = sleep
        self._clock = Clock()
        self._life: _Life | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._exits = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "Sandbox":
        async with contextlib.AsyncExitStack() as exits:
            # A node that runs in a thread may write its file a moment after the end.
            folder = tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True)
            root = Path(exits.enter_context(folder))
            self._folders = Folders(root, self._options.output or root / "output")
            listener = _bound(self._options.host, self._options.port)
            host, port = listener.getsockname()[:2]
            self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            self._port = port
            exits.push_async_callback(self._close)
            self._life = await self._open(listener, History())
            await self._life.strikes.now()
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    async def _close(self) -> None:
        if self._restarting:
            await _stop(self._restarting)
        if self._life:
            await self._life.exits.aclose()

    async def _open(self, listener: socket.socket, history: History) -> _Life:
        """Serve at this socket, knowing nothing but the history."""
        options, observer = self._options, self.observer
        hub = Hub(lambda client_id: FaultyLine(client_id, self.faults, self._sleep))
        queue = PromptQueue(lambda: hub.emit("status", {"status": server.status()}, None))
        executor = Executor(
            queue,
            history,
            hub,
            self._folders,
            observer,
            seconds_per_step=options.seconds_per_step,
            previews=options.preview_method != "none",
            sleep=self._sleep,
            now=self._clock,
            strike=lambda moment, run: strikes.on_run(moment, run),
        )
        server = Server(queue, history, executor, hub, self._folders, observer)
        strikes = Strikes(
            self.faults,
            Parts(queue, executor, server.submit, self.restart, observer, self._clock, self._sleep),
        )
        gateway = Gateway(self.faults, strikes, observer)
        application = server.application(gateway.middleware)
        application.add_routes(gateway.routes())
        async with contextlib.AsyncExitStack() as exits:
            runner = await _serve(exits, application, listener)
            exits.callback(gateway.cut_off)
            exits.push_async_callback(hub.close)
            exits.push_async_callback(_stop, asyncio.create_task(executor.run()))
            kept = exits.pop_all()
        return _Life(queue, history, strikes, runner, kept)

    async def restart(self, fault: Restart) -> None:
        """Die, and return when the server is back. Who is served or runs meanwhile is cancelled."""
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.create_task(self._restart(fault))
        await asyncio.shield(self._restarting)

    async def _restart(self, fault: Restart) -> None:
        life, self._life = self._life, None
        assert life is not None
        self.observer.note("stopped")
        for site in list(life.runner.sites):
            await site.stop()
        # Bound but not listening: the port stays ours and refuses connections.
        listener = _bound(self._options.host, self._port)
        await _kill(life)
        running = [life.queue.running] if life.queue.running else []
        for job in [*running, *life.queue.pending]:
            self.observer.note("forgotten", **job.ids)
        if fault.while_down == "503":
            async with contextlib.AsyncExitStack() as exits:
                await _serve(exits, _unavailable(), listener)
                await self._sleep(fault.downtime)
            listener = _bound(self._options.host, self._port)
        else:
            with contextlib.ExitStack() as unused:
                unused.callback(listener.close)
                await self._sleep(fault.downtime)
                unused.pop_all()
        history = life.history if fault.keep_history else History()
        self._life = await self._open(listener, history)
        self.observer.note("restarted", history=fault.keep_history)


async def _kill(life: _Life) -> None:
    """End everything without a word to anybody."""
    assert life.runner.server is not None
    for connection in life.runner.server.connections:
        if connection.transport is not None:
            connection.transport.abort()
    await life.exits.aclose()


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


async def _serve(
    exits: contextlib.AsyncExitStack, application: web.Application, listener: socket.socket
) -> web.AppRunner:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    exits.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()
    return runner


def _unavailable() -> web.Application:
    """A proxy whose server is away."""

    async def answer(request: web.Request) -> web.Response:
        return html(503)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    return application


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
