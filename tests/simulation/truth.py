"""All that a simulated server did, and what must hold of it. Knows nothing of the client."""

import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Fate:
    """What really became of one prompt. Times are virtual seconds."""

    server: str = ""
    graph: str = ""
    """Hash of it."""
    arrived: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    ended: float | None = None
    end: str = ""
    """success, error or interrupted."""
    out_of_memory: bool = False
    cached: bool = False
    deleted: bool = False
    forgotten: bool = False
    """A restart lost it, waiting, running or recorded."""
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """(node, file name) → what was saved."""
    sent: list[bytes] = field(default_factory=list)
    """What went over the websocket."""


class Truth:
    """Written by the server and the wires, read by the checks at the end of a run."""

    def __init__(self, now: Callable[[], float], trace: bool = False) -> None:
        self._now = now
        self._trace = trace
        self.lines: list[str] = []
        self.fates: dict[str, Fate] = defaultdict(Fate)
        self.posts: dict[str, int] = defaultdict(int)
        """How often each prompt left us for a server."""
        self.looks: dict[str, list[tuple[float, str]]] = defaultdict(list)
        """Client → when it asked for `/queue` and for each `/history`."""
        self.mislaid: set[str] = set()
        """Servers that denied to have a picture."""
        self.overslept: set[str] = set()
        """Prompts sent by a process right after it woke up, and that others may have settled. No
        server can be told to refuse them."""
        self.unwatched: set[str] = set()
        """Prompts that nobody waits for any more."""
        self._last_fault: dict[str, float] = {}
        self.violations: list[str] = []
        self.faults = 0
        """That were met; the schedule may hold more."""

    def note(self, text: str) -> None:
        if self._trace:
            self.lines.append(f"{self._now():10.3f}  {text}")

    def fault(self, text: str, server: str = "", *, again: bool = False) -> None:
        """`again`: it is the one that was met before."""
        self.faults += not again
        self._last_fault[server] = self._now()
        self.note(f"FAULT {text}")

    @property
    def last_fault(self) -> float:
        return max(self._last_fault.values(), default=0.0)

    def calm_since(self, server: str, moment: float) -> bool:
        """Whether nothing has gone wrong between us and a server since then."""
        return self._last_fault.get(server, -1.0) < moment

    def violate(self, text: str) -> None:
        self.violations.append(f"at {self._now():.3f} s: {text}")
        self.note(f"VIOLATION {text}")

    def check(self, apart: float) -> None:
        """What holds whatever the orchestrator wanted."""
        for prompt_id, fate in self.fates.items():
            if len(fate.started) > 1:
                self.violate(f"{prompt_id} was generated {len(fate.started)} times")
        for prompt_id, times in self.posts.items():
            if times > 1:
                self.violate(f"{prompt_id} was posted {times} times")
        for client, looks in self.looks.items():
            queues = [when for when, path in looks if path == "/queue"]
            soon = min((b - a for a, b in itertools.pairwise(queues)), default=apart)
            if soon < apart - 1e-6:
                self.violate(f"{client} looked twice in {soon:.3f} s")
            seen: set[str] = set()
            for _, path in looks:
                if path in seen and path != "/queue":
                    self.violate(f"{client} asked twice for {path} in one look")
                seen = {path} if path == "/queue" else {*seen, path}
