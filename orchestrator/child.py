"""Child processes that serve HTTP: started, waited for, revived, and never left behind.

The contract: the child prints one JSON line with its `url` when it is ready, and, told
`--exit-with-parent`, ends when its standard input does. The kernel closes that pipe however we die.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from orchestrator.errors import InputError, RetakeError

STOP_SECONDS = 5.0
"""How long a child may take to end before it is killed."""
REVIVE_SECONDS = 1.0
"""Pause before a child that died is started again."""


@contextlib.asynccontextmanager
async def serving(module: str, *arguments: str, ready_seconds: float) -> AsyncIterator[str]:
    """Run `python -m module … --port 0 --exit-with-parent`; the value is its URL.

    A child that dies within the block is started again at the same URL. Raises InputError with the
    child's own last line when it can't start, RetakeError when it is not ready in time.
    """
    child = _Child(module, arguments, ready_seconds)
    try:
        url = await child.start(port=0)
        keeper = asyncio.create_task(child.keep_alive(urlsplit(url).port or 0))
        try:
            yield url
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
    finally:
        await child.stop()


class _Child:
    def __init__(self, module: str, arguments: tuple[str, ...], ready_seconds: float) -> None:
        self._module = module
        self._arguments = arguments
        self._ready_seconds = ready_seconds
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, port: int) -> str:
        """The child's URL, once it is ready.

        Its own process session keeps Ctrl-C for us, so that we can still ask it to cancel.
        """
        command = (*self._arguments, "--port", str(port), "--exit-with-parent")
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._module, *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        self._last_words = asyncio.create_task(_last_line(process.stderr))
        name = " ".join([self._module, *self._arguments])
        try:
            line = await asyncio.wait_for(process.stdout.readline(), self._ready_seconds)
        except TimeoutError:
            raise RetakeError(f"{name} was not ready within {self._ready_seconds:g} s") from None
        if not line:
            await process.wait()
            reason = f"{name} ended with exit code {process.returncode}"
            raise InputError(await self._last_words or reason)
        return str(json.loads(line)["url"])

    async def keep_alive(self, port: int) -> None:
        """Start it again, at the same port, whenever it dies."""
        while True:
            assert self._process is not None
            await self._process.wait()
            await asyncio.sleep(REVIVE_SECONDS)
            with contextlib.suppress(RetakeError):
                await self.start(port)

    async def stop(self) -> None:
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        self._last_words.cancel()


async def _last_line(stream: asyncio.StreamReader) -> str:
    """Read to the end, so that the child never blocks on a full pipe; keep the last line."""
    last = ""
    async for line in stream:
        last = line.decode(errors="replace").strip() or last
    return last
