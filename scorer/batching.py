"""The queue before the model: one thread runs it, a bounded number of callers wait for their turn.

Every caller gets its own answer or its own error, and one that goes away while waiting costs the
model nothing. Nothing here knows what is being run.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from scorer.errors import Busy

T = TypeVar("T")


class ModelQueue:
    def __init__(self, places: int = 64) -> None:
        """At most `places` callers are inside at a time, the one being served included."""
        self._places = places
        self._taken = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the queue, from before a request costs anything until it is answered.

        Raises:
            Busy: all places are taken.
        """
        if self._taken >= self._places:
            raise Busy(f"{self._places} requests are being answered already; try again in a second")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def run(self, call: Callable[[], T]) -> T:
        """Run `call` in the model's thread when those before it are done."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
