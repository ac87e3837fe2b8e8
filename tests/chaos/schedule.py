"""What one chaos run is to be, all of it drawn from its seed: the target, faults, deaths."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from tests.chaos.faults import Fault, draw_faults

How = Literal["kill", "ctrl_c", "full_disk"]
Scorer = Literal["shared", "separate", "child"]
Sight = Literal["stored", "published", "accepted"]
"""Moments that are waited for: a picture is being stored, or published, or its acceptance has just
been written into the journal."""


@dataclass(frozen=True)
class Stop:
    """How a process of Retake is ended before its time."""

    how: How
    at: float | Sight
    """Seconds after its start, or the first sight of that."""
    later: float = 0.0
    """Seconds after the sight."""
    room: int = 0
    """On a full disk: how long a file may still be, in bytes."""


@dataclass(frozen=True)
class Outage:
    """SIGKILL `after` so many seconds, and a new start after `down` more."""

    after: float
    down: float


@dataclass(frozen=True)
class Schedule:
    seed: int
    gate: str
    want: int
    size: int
    """Of pictures, width and height in pixels."""
    servers: tuple[tuple[Fault, ...], ...]
    """The faults of each."""
    server_outages: tuple[Outage, ...]
    """Of the last server."""
    stops: tuple[Stop, ...]
    """One for each of the first processes."""
    scorer: Scorer
    """One that many runs use, one of this run alone, or Retake's own."""
    scorer_outages: tuple[Outage, ...]


def draw(seed: int) -> Schedule:
    rng = Random(seed)
    servers = [draw_faults(rng)]
    if rng.random() < 0.25:
        servers.append(draw_faults(rng, fatal=False))
    dies = rng.random() < (0.6 if len(servers) > 1 else 0.15)
    scorers: list[Scorer] = ["shared", "separate", "child"]
    scorer = rng.choices(scorers, [74, 20, 6])[0]
    outages = rng.randint(1, 2) if scorer == "separate" else int(scorer == "child")
    most = 1 if scorer == "child" else 3
    stops = [_stop(rng) for _ in range(min(most, rng.choice([0, 1, 1, 2, 3])))]
    full = any(stop.how == "full_disk" for stop in stops)
    return Schedule(
        seed=rng.getrandbits(32),
        gate=rng.choice(["clip>=25", "clip>=34", "clip>=44.9"]),
        want=rng.choice([1, 1, 2]),
        size=768 if full else rng.choice([64, 64, 64, 384]),  # larger than the journal's files
        servers=tuple(map(tuple, servers)),
        server_outages=(Outage(rng.uniform(1, 4), rng.uniform(0, 3)),) if dies else (),
        stops=tuple(stops),
        scorer=scorer,
        scorer_outages=tuple(Outage(rng.uniform(1, 6), rng.uniform(0, 4)) for _ in range(outages)),
    )


def _stop(rng: Random) -> Stop:
    hows: list[How] = ["kill", "ctrl_c", "full_disk"]
    how = rng.choices(hows, [70, 10, 20])[0]
    at: float | Sight = rng.choice(["stored", "published", "accepted", rng.uniform(0.5, 4.0)])
    if how == "full_disk":
        return Stop(how, rng.uniform(0.5, 2.0), room=rng.choice([0, 20_000, 200_000, 300_000]))
    # During the write itself, or while what follows from the picture is being done.
    later = rng.uniform(0, rng.choice([0.003, 0.8]))
    return Stop(how, at, later=later if isinstance(at, str) else 0.0)
