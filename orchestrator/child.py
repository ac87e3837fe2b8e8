"""Child processes that serve HTTP: started, waited for, and never left behind.

The contract: the child prints one JSON line with its `url` when it is ready, and, told
`--exit-with-parent`, ends when its standard input does. The kernel closes that pipe however we die.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator

from orchestrator.errors import InputError, RetakeError

STOP_SECONDS = 5.0
"""How long a child may take to end before it is killed."""


@contextlib.asynccontextmanager
async def serving(module: str, *arguments: str, ready_seconds: float) -> AsyncIterator[str]:
    """Run `python -m module … --port 0 --exit-with-parent`; the value is its URL.

    Raises InputError with the child's own last line when it can't start, RetakeError when it is
    not ready in time. Its own process session keeps Ctrl-C for us, so that we can still ask the
    child to cancel.
    """
    name = " ".join([module, *arguments])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, "--port", "0", "--exit-with-parent",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(_last_line(process.stderr))
    try:
        yield await _url(name, process, process.stdout, errors, ready_seconds)
    finally:
        await _stop(process)
        errors.cancel()


async def _url(
    name: str,
    process: asyncio.subprocess.Process,
    stdout: asyncio.StreamReader,
    errors: asyncio.Task[str],
    ready_seconds: float,
) -> str:
    try:
        line = await asyncio.wait_for(stdout.readline(), ready_seconds)
    except TimeoutError:
        raise RetakeError(f"{name} was not ready within {ready_seconds:g} s") from None
    if not line:
        await process.wait()
        raise InputError(await errors or f"{name} ended with exit code {process.returncode}")
    return str(json.loads(line)["url"])


async def _last_line(stream: asyncio.StreamReader) -> str:
    """Read to the end, so that the child never blocks on a full pipe; keep the last line."""
    last = ""
    async for line in stream:
        last = line.decode(errors="replace").strip() or last
    return last


async def _stop(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
