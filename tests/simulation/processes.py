"""Simulated processes on one event loop: killed, they never run again; paused, they run later.

Whatever a task of a process starts, tasks, timers and callbacks, belongs to it by its context, and
is dropped or held back by the loop. What has no process is the world: servers and wires.
"""

import asyncio
import contextlib
import gc
import math
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar
from unittest import mock

T = TypeVar("T")

OVERSLEPT = 30.0
"""Seconds of sleep after which others may take what a process was doing."""


class Process:
    """To be made within a virtual loop."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.tasks: list[asyncio.Task[Any]] = []
        """All it ever had: what is not collected by chance does nothing by chance."""
        self.paused = 0.0
        """For how long, at most."""
        self.woke = -math.inf
        """When it last did, from a sleep in which others may have taken over."""
        self._paused = False
        self._held: list[asyncio.Handle] = []
        self._loop = asyncio.get_running_loop()
        self._fuse: tuple[int, Callable[[], None]] | None = None

    def start(self, main: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        context = Context()
        context.run(_CURRENT.set, self)
        return self._loop.create_task(main, context=context)

    def kill(self) -> None:
        """Between two steps of it, for ever."""
        self.dead = self._loop.bereft = True  # type: ignore[attr-defined]
        self._held.clear()

    def pause(self, seconds: float) -> None:
        """What comes meanwhile waits, as in the buffers of a stopped process; timers ring late."""
        self._paused, self.paused = True, seconds
        Context().run(self._loop.call_later, seconds, self._wake)

    def _wake(self) -> None:
        self._paused = False
        if self.paused > OVERSLEPT:
            self.woke = self._loop.time()
        held, self._held = self._held, []
        self._loop._ready.extend(held)  # type: ignore[attr-defined]

    def takes(self, handle: asyncio.Handle) -> bool:
        """Whether the handle is to run now."""
        if self._paused and not self.dead:
            self._held.append(handle)
        return not (self._paused or self.dead)

    def light(self, moments: int, act: Callable[[], None]) -> None:
        """Act after so many more moments right before or right after something on the disk."""
        self._fuse = (moments, act)

    def burn(self) -> None:
        """One such moment."""
        if self._fuse:
            left, act = self._fuse
            self._fuse = (left - 1, act) if left > 1 else None
            if left <= 1:
                in_world(act)


_CURRENT: ContextVar[Process | None] = ContextVar("process", default=None)


def current(context: Context | None = None) -> Process | None:
    return (context or copy_context()).get(_CURRENT)


def in_world(do: Callable[..., T], *args: Any) -> T:
    """Call what belongs to no process, from whichever."""
    return Context().run(do, *args)


class Guarded:
    """Mixed into handles: asks the process before it runs."""

    __slots__ = ()

    def _run(self) -> None:
        process = self._context.get(_CURRENT)  # type: ignore[attr-defined]
        if process is None or process.takes(self):  # type: ignore[arg-type]
            super()._run()  # type: ignore[misc]


class Handle(Guarded, asyncio.Handle):
    __slots__ = ()


class Timer(Guarded, asyncio.TimerHandle):
    __slots__ = ()


class Task(asyncio.Task[T]):
    """Hashed by its number: sets of tasks have the same order in every run."""

    def __init__(self, number: Iterator[int], *args: Any, **options: Any) -> None:
        self._number = next(number)
        super().__init__(*args, **options)
        self.process = current(options.get("context"))
        if self.process:
            self.process.tasks.append(self)

    def __hash__(self) -> int:
        return self._number


def bury(tasks: list[asyncio.Task[Any]]) -> None:
    """Have dead tasks unwind, outside of any loop, where they reach nobody and nobody hears."""
    with mock.patch.object(sys, "unraisablehook"):
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            with contextlib.suppress(BaseException):
                task.get_coro().close()  # type: ignore[union-attr]
        tasks.clear()
        gc.collect()
