"""Group commit: what waits while the disk is busy is written together, by one thread.

A commit costs a flush to disk whatever it holds. The queue needs no timer: a single write is
committed at once, and a thousand that arrive meanwhile share the next commit.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

T = TypeVar("T")


@dataclass(frozen=True)
class _Item:
    work: Callable[[Connection], Any]
    future: "asyncio.Future[Any]"


@dataclass(frozen=True)
class _Outcome:
    future: "asyncio.Future[Any]"
    result: Any = None
    error: Exception | None = None


class Writer:
    """The only user of a database in this process. Made, used and closed on one event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="journal", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[Connection], T]) -> T:
        """Do the work in a transaction and return its result once that is on disk.

        Works are done in the order of the calls. One that raises leaves nothing behind and its
        neighbours alone; it may be called again when a neighbour has failed. A caller that is
        cancelled stops waiting; its work is done all the same.
        """
        if self._closed:
            raise RuntimeError("the journal is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._items.put(_Item(work, future))
        return await future

    def close(self) -> None:
        """Wait until everything that was asked for is done."""
        self._closed = True
        self._items.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while batch := list(self._waiting()):
            self._loop.call_soon_threadsafe(_settle, list(self._commit(batch)))

    def _waiting(self) -> Iterator[_Item]:
        """The next item and all that wait behind it; none when the writer is closed."""
        item = self._items.get()
        with contextlib.suppress(queue.Empty):
            while item is not None:
                yield item
                item = self._items.get_nowait()
            self._items.put(None)  # to be met again behind this batch

    def _commit(self, batch: Sequence[_Item]) -> Iterator[_Outcome]:
        """One transaction for all; after a failure one for each half, down to who is to blame."""
        try:
            with self._engine.begin() as connection:
                results = [item.work(connection) for item in batch]
        except Exception as error:
            # Trouble of the database itself (a full disk, a lock) would only be met again.
            if len(batch) == 1 or isinstance(error, OperationalError):
                yield from (_Outcome(item.future, error=error) for item in batch)
            else:
                middle = len(batch) // 2
                yield from self._commit(batch[:middle])
                yield from self._commit(batch[middle:])
        else:
            for item, result in zip(batch, results, strict=True):
                yield _Outcome(item.future, result)


def _settle(outcomes: Sequence[_Outcome]) -> None:
    for outcome in outcomes:
        if outcome.future.done():  # its caller was cancelled
            continue
        if outcome.error is not None:
            outcome.future.set_exception(outcome.error)
        else:
            outcome.future.set_result(outcome.result)
