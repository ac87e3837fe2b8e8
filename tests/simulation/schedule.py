"""What goes wrong in one run, drawn from a seed before it begins."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.simulation.server import Habits

READ = 15.0
"""The client's read time-out, and so for how long a request may linger, in seconds."""
SILENCE = 30.0
"""So long the client trusts a websocket that says nothing though it should."""

_REQUEST_FAULTS = {
    "post": (
        "refused", "reset before", "reset after", "reset, then comes late", "502 before",
        "504 after", "504, then comes late", "never answered", "answered late", "comes late",
        "503", "429",
    ),
    "look": ("refused", "reset before", "502 before", "never answered", "answered late"),
    "control": ("refused", "reset before", "reset after", "502 before", "504 after",
                "answered late"),
    "view": ("reset before", "502 before", "truncated", "html", "missing", "answered late"),
}  # fmt: skip
"""Kind of request → what may happen to one."""

_EVERY = {"post": 8, "look": 60, "control": 8, "view": 10}
"""So many requests of a kind, the faults are spread over."""


@dataclass(frozen=True)
class SocketFaults:
    """Of one websocket, by the number of the frame. `drop`: the connection breaks there."""

    refused: bool = False
    silent: bool = False
    """Opened, and never greeted."""
    drop: int | None = None
    zombie: int | None = None
    """From there on nothing comes, and nothing tells."""
    half_open: bool = False
    """A zombie that pings will find out."""
    close_lag: float = 0.0
    """So late the server sees the end of it."""
    twice: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    swapped: frozenset[int] = frozenset()
    """Comes after the next one."""


@dataclass(frozen=True)
class Outage:
    at: float
    downtime: float
    queue: bool
    history: bool


@dataclass(frozen=True)
class Foreign:
    """A prompt of somebody else's."""

    at: float
    steps: int
    named: bool
    """Posted with a client id."""
    interrupts: bool
    """Its owner stops whatever runs then, instead of posting."""


@dataclass(frozen=True)
class Schedule:
    seed: int = 0
    requests: Mapping[tuple[str, int], str] = field(default_factory=dict)
    sockets: tuple[SocketFaults, ...] = ()
    outages: tuple[Outage, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    habits: Habits = field(default_factory=Habits)

    @property
    def patience(self) -> float:
        """How long a silent websocket may stay open while a prompt runs under its name."""
        looks = any(kind == "look" for kind, _ in self.requests)
        return math.inf if looks or self.outages else SILENCE + 6.0

    @property
    def calm(self) -> bool:
        """Nothing goes wrong between us and the server."""
        return not (self.requests or self.sockets or self.outages)


def draw(seed: int, *, seconds: float = 60.0) -> Schedule:
    """A schedule for one server and about so many seconds of work. Some are calm."""
    rng = random.Random(f"schedule {seed}")
    kinds = [kind for kind in ("requests", "sockets", "outages", "foreign") if rng.random() < 0.55]
    habits = Habits(
        step=rng.choice((0.1, 0.5, 2.0, 5.0)),
        load=rng.choice((0.0, 0.0, 0.0, 4.0, 45.0)),
        success_to_history=rng.choice((0.0, 0.05, 1.5, 3.0)),
        queue_to_history=rng.choice((0.0, 0.0, 0.3, 0.8)),
        trouble={run: rng.choice(("error", "oom")) for run in range(20) if rng.random() < 0.08},
    )
    return Schedule(
        seed,
        _requests(rng) if "requests" in kinds else {},
        tuple(_socket(rng) for _ in range(rng.randint(1, 4))) if "sockets" in kinds else (),
        tuple(_outage(rng, seconds) for _ in range(rng.randint(1, 2)))
        if "outages" in kinds
        else (),
        tuple(_foreign(rng, seconds) for _ in range(rng.randint(1, 5)))
        if "foreign" in kinds
        else (),
        habits,
    )


def _requests(rng: random.Random) -> dict[tuple[str, int], str]:
    faults = {}
    for _ in range(rng.randint(1, 12)):
        kind = rng.choice(("post", "post", "look", "control", "view"))
        number = rng.randint(1, _EVERY[kind])
        for again in range(rng.choice((1, 1, 1, 3, 8))):
            faults[kind, number + again] = rng.choice(_REQUEST_FAULTS[kind])
    return faults


def _socket(rng: random.Random) -> SocketFaults:
    if rng.random() < 0.15:
        return SocketFaults(refused=rng.random() < 0.5, silent=True)
    frames = range(1, 40)
    end = rng.choice(("drop", "drop", "zombie", "none"))
    at = rng.randint(1, 40)
    twice, lost, swapped = (rng.choice((0.0, 0.05, 0.25)) for _ in range(3))
    return SocketFaults(
        drop=at if end == "drop" else None,
        zombie=at if end == "zombie" else None,
        half_open=rng.random() < 0.3,
        close_lag=rng.choice((0.0, 0.02, 1.0, 20.0)),
        twice=frozenset(f for f in frames if rng.random() < twice),
        lost=frozenset(f for f in frames if rng.random() < lost),
        swapped=frozenset(f for f in frames if rng.random() < swapped),
    )


def _outage(rng: random.Random, seconds: float) -> Outage:
    downtime = rng.choice((0.2, 3.0, 20.0, 50.0, 90.0))
    queue = rng.random() < 0.3
    return Outage(rng.uniform(0, seconds), downtime, queue, queue or rng.random() < 0.5)


def _foreign(rng: random.Random, seconds: float) -> Foreign:
    return Foreign(
        rng.uniform(0, seconds), rng.randint(1, 6), rng.random() < 0.5, rng.random() < 0.2
    )
