"""The sandbox as a process: ready line, signals, exit codes.

Light to import; the server and numpy are loaded when it starts.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from orchestrator.sandbox.options import Options

if TYPE_CHECKING:
    from orchestrator.sandbox.faults.kinds import Fault


def serve(options: Options) -> None:
    """Run until SIGINT or SIGTERM. Prints one JSON line with the URL when ready.

    Raises SystemExit(2), with one line, when it can't start.
    """
    # More threads only cost: the pictures are small, and one is drawn at a time.
    os.putenv("OPENBLAS_NUM_THREADS", "1")
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        where = f"{options.host}:{options.port}"
        _refuse(f"the sandbox can't listen on {where}: {error.strerror or error}")


async def _serve(options: Options) -> None:
    from orchestrator.sandbox.app import Sandbox

    faults = _read_faults(options.faults) if options.faults else []
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if options.exit_with_parent:
        threading.Thread(target=_wait_for_end_of_stdin, args=(loop, stop), daemon=True).start()
    async with Sandbox(options, faults=faults) as sandbox:
        print(json.dumps({"url": sandbox.url}), flush=True)
        await stop.wait()


def _read_faults(path: Path) -> "list[Fault]":
    from orchestrator.sandbox.faults.kinds import read

    try:
        return read(path.read_bytes())
    except OSError as error:
        _refuse(f"can't read {path}: {error.strerror or error}")
    except ValueError as error:
        _refuse(f"{path}: {error}")


def _refuse(line: str) -> NoReturn:
    print(line, file=sys.stderr)
    sys.exit(2)


def _wait_for_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
        loop.call_soon_threadsafe(stop.set)
