"""An event loop without a clock: when nothing is ready, time jumps to the next timer.

Nothing here waits, so hours pass in milliseconds; and the same program always does the same things
in the same order. Executors run at once, on the loop's own thread.
"""

import asyncio
import math
from asyncio.base_events import BaseEventLoop
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

RESOLUTION = 1e-9


class Deadlock(Exception):
    """Everybody waits, and no timer will wake anybody."""


class _Selector:
    """In place of one that waits for files: moves the clock."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock
        self.now += timeout
        return []

    def close(self) -> None: ...


class VirtualLoop(BaseEventLoop):
    """Starts at time 0."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Selector()
        self._clock_resolution = RESOLUTION
        self.faults: list[str] = []
        """What would have been logged: exceptions that nobody took."""
        self.set_exception_handler(lambda _, context: self.faults.append(_line(context)))

    def time(self) -> float:
        return self._selector.now

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _process_events(self, event_list: list[Any]) -> None: ...

    def _write_to_self(self) -> None: ...


def run(main: Coroutine[Any, Any, T], limit: float = math.inf) -> tuple[T, list[str]]:
    """The coroutine's result, and what would have been logged.

    Raises Deadlock, and TimeoutError after `limit` virtual seconds.
    """

    async def limited() -> T:
        async with asyncio.timeout(None if limit == math.inf else limit):
            return await main

    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        result = runner.run(limited())
    return result, loop.faults


def _line(context: dict[str, Any]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"
