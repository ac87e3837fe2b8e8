"""Who waits for a slot of the fleet, and in which order: jobs, and the line that they stand in.

Which server a slot belongs to, and whether it suits, is `fleet`'s business.
"""

import asyncio
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

S = TypeVar("S")

_MODEL_FILES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")


@dataclass(eq=False)
class Job:
    """What the prompts of one target ask of a server. Compared by identity."""

    graph: Mapping[str, Any]
    models: frozenset[str]
    """Model files it loads: a server that has them loaded already is preferred."""
    avoid: Set[str] = frozenset()
    """URLs of servers that it had better not go to, while another can. Set by `Fleet.avoid`."""
    held: int = 0
    """Slots that it has now."""
    waiting: "dict[Place[Any], None]" = field(default_factory=dict)
    """Its places in the line."""

    @classmethod
    def of(cls, graph: Mapping[str, Any]) -> "Job":
        """For a graph in API format."""
        values = [value for node in graph.values() for value in node["inputs"].values()]
        files = (v for v in values if isinstance(v, str) and v.endswith(_MODEL_FILES))
        return cls(graph, frozenset(files))


@dataclass(eq=False)
class Place(Generic[S]):
    """One place in the line, and the slot's server once it is granted."""

    job: Job
    granted: asyncio.Future[S]
    level: int = 0
    passed_over: int = 0
    """How often somebody behind it was preferred."""


class Line(Generic[S]):
    """Whoever holds fewest slots goes first, and of those who came first.

    So a second attempt for a target is begun only where no other target waits for its first, and
    what a target may waste on attempts that turn out not to be needed is what nobody else wants.
    """

    def __init__(self) -> None:
        self._levels: dict[int, dict[Place[S], None]] = {}

    def join(self, place: Place[S]) -> None:
        place.job.waiting[place] = None
        place.level = place.job.held
        self._levels.setdefault(place.level, {})[place] = None

    def leave(self, place: Place[S]) -> None:
        del place.job.waiting[place]
        self._remove(place)

    def take(self, job: Job) -> None:
        """The job has one slot more."""
        self._hold(job, +1)

    def give_back(self, job: Job) -> None:
        """The job has one slot less."""
        self._hold(job, -1)

    def __contains__(self, place: Place[S]) -> bool:
        return place in place.job.waiting

    def __iter__(self) -> Iterator[Place[S]]:
        for level in sorted(self._levels):
            yield from self._levels[level]

    def _hold(self, job: Job, slots: int) -> None:
        job.held += slots
        for place in job.waiting:
            self._remove(place)
            place.level = job.held
            self._levels.setdefault(place.level, {})[place] = None

    def _remove(self, place: Place[S]) -> None:
        level = self._levels[place.level]
        del level[place]
        if not level:
            del self._levels[place.level]
