"""The prompts that wait, the one that runs, and the history of those that ended.

Plain data with no I/O: `execution` takes jobs out and writes their end, the routes show and change
the rest.
"""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

HISTORY_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Job:
    """A prompt that passed validation. The lowest `number` runs first."""

    number: float
    prompt_id: str
    prompt: Mapping[str, Any]
    extra_data: Mapping[str, Any]
    outputs: tuple[str, ...]

    @property
    def client_id(self) -> str | None:
        return self.extra_data.get("client_id")

    @property
    def ids(self) -> dict[str, str | None]:
        """Whose prompt this is, for the log."""
        return {"prompt_id": self.prompt_id, "client_id": self.client_id}

    def as_list(self) -> list[Any]:
        """The item as `/queue` and `/history` have it."""
        prompt, extra_data = dict(self.prompt), dict(self.extra_data)
        return [self.number, self.prompt_id, prompt, extra_data, list(self.outputs)]


class PromptQueue:
    """Pending and running jobs. `on_change` is called after each change."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.running: Job | None = None
        self._heap: list[tuple[float, int, Job]] = []
        self._count = 0
        self._filled = asyncio.Event()
        self._on_change = on_change

    @property
    def pending(self) -> list[Job]:
        return [job for _, _, job in self._heap]

    @property
    def remaining(self) -> int:
        return len(self._heap) + (self.running is not None)

    def put(self, job: Job) -> None:
        heapq.heappush(self._heap, (job.number, self._count, job))
        self._count += 1
        self._filled.set()
        self._on_change()

    async def get(self) -> Job:
        """Wait for the next job; from here on it is the running one."""
        while not self._heap:
            self._filled.clear()
            await self._filled.wait()
        self.running = heapq.heappop(self._heap)[2]
        self._on_change()
        return self.running

    def done(self) -> None:
        self.running = None
        self._on_change()

    def clear(self) -> None:
        self._heap = []
        self._on_change()

    def delete(self, prompt_id: str) -> bool:
        """Remove the first pending job with this id. Running ones are not touched."""
        for i, (_, _, job) in enumerate(self._heap):
            if job.prompt_id == prompt_id:
                del self._heap[i]
                heapq.heapify(self._heap)
                self._on_change()
                return True
        return False


class History:
    """Ended prompts by id, oldest first; the oldest is forgotten when there are too many."""

    def __init__(self, limit: int = HISTORY_MAX) -> None:
        self._entries: dict[str, Mapping[str, Any]] = {}
        self._limit = limit

    def add(self, prompt_id: str, entry: Mapping[str, Any]) -> None:
        while len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._entries[prompt_id] = entry

    def get(self, prompt_id: str) -> dict[str, Mapping[str, Any]]:
        """`{id: entry}`, or `{}`: pending, running, forgotten and unknown look alike."""
        return {prompt_id: self._entries[prompt_id]} if prompt_id in self._entries else {}

    def page(self, max_items: int | None, offset: int) -> dict[str, Mapping[str, Any]]:
        """The last `max_items`, or with an `offset` as many from there on."""
        items = list(self._entries.items())
        if max_items is None:
            return dict(items[max(offset, 0) :])
        start = max(len(items) - max_items, 0) if offset < 0 else offset
        return dict(items[start : start + max_items])

    def clear(self) -> None:
        self._entries.clear()

    def delete(self, prompt_ids: Iterable[str]) -> None:
        for prompt_id in prompt_ids:
            self._entries.pop(prompt_id, None)
