"""The sandbox as a whole: its parts put together, started and stopped in the caller's event loop.

`process` makes a process of its own of it.
"""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from types import TracebackType

from aiohttp import web

from orchestrator.sandbox.events import Hub
from orchestrator.sandbox.execution import Executor, Sleep
from orchestrator.sandbox.files import Folders
from orchestrator.sandbox.log import Observer
from orchestrator.sandbox.options import Options
from orchestrator.sandbox.prompt_queue import History, PromptQueue
from orchestrator.sandbox.server import Server


class Sandbox:
    """A running sandbox::

        async with Sandbox(Options()) as sandbox:
            print(sandbox.url)

    Raises OSError on entering when the port is taken. `sleep` lets tests decide how time passes.
    """

    def __init__(self, options: Options, *, sleep: Sleep = asyncio.sleep) -> None:
        self.url = ""
        self.observer = Observer()
        self._options = options
        self._sleep = sleep
        self._exits = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "Sandbox":
        async with contextlib.AsyncExitStack() as exits:
            root = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-")))
            folders = Folders(root, self._options.output or root / "output")
            await self._start(exits, folders)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    async def _start(self, exits: contextlib.AsyncExitStack, folders: Folders) -> None:
        options = self._options
        hub = Hub()
        queue = PromptQueue(lambda: hub.emit("status", {"status": server.status()}, None))
        history = History()
        executor = Executor(
            queue,
            history,
            hub,
            folders,
            self.observer,
            seconds_per_step=options.seconds_per_step,
            previews=options.preview_method != "none",
            sleep=self._sleep,
        )
        server = Server(queue, history, executor, hub, folders, self.observer)
        runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        exits.push_async_callback(runner.cleanup)
        exits.push_async_callback(hub.close)
        await web.TCPSite(runner, options.host, options.port).start()
        host, port, *_ = runner.addresses[0]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        worker = asyncio.create_task(executor.run())
        exits.push_async_callback(_stop, worker)


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
