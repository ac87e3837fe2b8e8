"""From settings to collaborators: sandbox, servers, scorer, journal, storage; opened and closed."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from orchestrator import child, scoring
from orchestrator.cli.display import busy
from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.fleet import Fleet
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.config import Settings
from orchestrator.errors import InputError, RetakeError
from orchestrator.journal import Journal
from orchestrator.run import Collaborators
from orchestrator.scoring import Scorer
from orchestrator.storage import Storage

T = TypeVar("T")

SANDBOX_READY_SECONDS = 30.0


def journal_path(settings: Settings) -> Path:
    return settings.out / ".retake" / "journal.db"


@contextlib.asynccontextmanager
async def opened(settings: Settings, *, sandbox: bool) -> AsyncIterator[Collaborators]:
    """Everything a run works with, ready.

    Raises InputError when any of it can't be had: nothing has been submitted yet, and the trouble
    is for the user to mend.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            storage = Storage(settings.out)
            journal = await stack.enter_async_context(Journal(journal_path(settings)))
            fleet = await _fleet(stack, settings, sandbox=sandbox)
            scorer = await _scorer(stack, settings)
        except RetakeError as error:
            raise InputError(str(error)) from error
        yield Collaborators(fleet, scorer, journal, storage)


async def _fleet(stack: contextlib.AsyncExitStack, settings: Settings, *, sandbox: bool) -> Fleet:
    urls = settings.servers
    if sandbox:
        started = child.serving("orchestrator", "sandbox", ready_seconds=SANDBOX_READY_SECONDS)
        with busy("starting the sandbox"):
            urls = [await stack.enter_async_context(started)]
    timeouts = Timeouts(
        connect=settings.connect_seconds, read=settings.answer_seconds, poll=settings.poll_seconds
    )

    def client(url: str) -> ComfyClient:
        return ComfyClient(url, headers=settings.headers, timeouts=timeouts)

    return await stack.enter_async_context(Fleet(urls, client, depth=settings.depth))


async def _scorer(stack: contextlib.AsyncExitStack, settings: Settings) -> Scorer:
    url = settings.scorer
    if url is None:
        with busy(f"starting the scorer with {settings.model}"):
            started = scoring.local(settings.model, settings.device)
            url = await stack.enter_async_context(started)
    scorer = await stack.enter_async_context(Scorer(url))
    await scorer.ready()
    return scorer


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end. Ctrl-C and SIGTERM cancel it, and are then raised as KeyboardInterrupt."""

    async def cancellable() -> T:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await main

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
