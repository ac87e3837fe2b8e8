"""What a fleet of servers is put to: its time, our time, and what one orchestrator process costs.

`servers` simulates ComfyUI servers and the scorer (50 ms a picture) in another process, over TCP
and with pictures of 1 MB in every figure; this process is the orchestrator, with its journal and
its pictures on disk. Half of the pictures pass. The baseline is `sequential`, ComfyUI's own
websocket example, one client for each server, measured after it on servers of the same kind.

utilisation     Of the servers' time, how much went into generating, by their own account: from the
                first POST that any of them saw, and for as long as there were at least as many
                unfinished targets as servers. For the baseline: until the first client is done.
judged          Of all time spent generating, to the last target's end, how much went into pictures
                that were judged. The rest are attempts that were still queued or running when their
                target was satisfied, and were interrupted.
cpu_per_attempt User and system time of this process and its threads, while it had targets, over all
                attempts that were begun, those interrupted included.
turnaround      From the last websocket frame about a prompt to the next POST at the same server,
                both as the server sees them, with one server, one slot and targets waiting.
                Fetching, keeping and journalling lie between; scoring does not, since the slot is
                free before. From the baseline's figure its 50 ms are taken off.
memory          Resident memory of this process late in a long run, against early.

With `--quick` there are fewer targets, and no 500 servers of 10 s: they take minutes.
"""

import math
from collections.abc import Iterator
from itertools import chain, pairwise
from statistics import median

from orchestrator.cli import session
from tests.benchmarks import sequential
from tests.benchmarks.driving import GRAPH, Run, Truth, cpu_seconds, drive, random_targets, truth
from tests.benchmarks.figures import Figure, parse_flags, tell
from tests.benchmarks.servers import SCORING_SECONDS
from tests.processes import serving

BASELINE = "sequential client per server"


def generating(done: Truth, until: float = math.inf) -> float:
    """Seconds that all servers together spent generating until a moment."""
    return sum(max(0.0, min(p["ended"], until) - p["began"]) for p in chain(*done))


def utilisation(done: Truth, until: float) -> float:
    """Share of all servers' time from the first POST until a moment."""
    since = min(prompt["posted"] for prompt in chain(*done))
    return generating(done, until) / (len(done) * (until - since))


def turnarounds(done: Truth) -> Iterator[float]:
    """Milliseconds from the last frame about each prompt that was made to the next POST there."""
    for earlier, later in chain(*map(pairwise, done)):
        if earlier["told"] and not earlier["interrupted"]:
            yield 1000 * (later["posted"] - earlier["told"])


def orchestrated(
    servers: int, seconds: float, targets: int, *, depth: int = 2, at_once: int | None = None
) -> tuple[Run, Truth]:
    with serving(*_simulation(servers, seconds)) as url:
        run = session.run(
            drive(url, servers, random_targets(targets), depth=depth, at_once=at_once)
        )
        return run, truth(url)


def one_by_one(servers: int, seconds: float, pictures: int) -> tuple[Truth, float, float]:
    """The baseline's truth, when its first client was done, and its CPU seconds for a picture."""
    with serving(*_simulation(servers, seconds)) as url:
        before = cpu_seconds()
        urls = [f"{url}/{n}" for n in range(servers)]
        until = sequential.drive(urls, f"{url}/scorer", GRAPH, pictures)
        cpu = (cpu_seconds() - before) / (servers * pictures)
        return truth(url), until, cpu


def _simulation(servers: int, seconds: float) -> tuple[str, ...]:
    given = ("--servers", str(servers), "--seconds", str(seconds))
    return "tests.benchmarks.servers", *given


def busy(name: str, servers: int, seconds: float, targets: int, pictures: int) -> list[Figure]:
    """Utilisation and what it costs, the baseline making so many pictures on each server."""
    run, done = orchestrated(servers, seconds, targets)
    plain, until, cpu = one_by_one(servers, seconds, pictures)
    return [
        Figure(name, utilisation(done, run.short_from), "of time",
               utilisation(plain, until), BASELINE),
        Figure(f"{name}_judged", run.judged * seconds / generating(done), "of that",
               1.0, "without speculation"),
        Figure(f"{name}_cpu_per_attempt", 1000 * run.cpu_seconds / run.attempts, "ms",
               1000 * cpu, BASELINE),
    ]  # fmt: skip


def idle(targets: int, pictures: int) -> list[Figure]:
    """How long one server with one slot waits for its next prompt."""
    _, done = orchestrated(1, 0.3, targets, depth=1)
    plain, _, _ = one_by_one(1, 0.3, pictures)
    beyond = median(turnarounds(plain)) - 1000 * SCORING_SECONDS
    return [Figure("turnaround_p50", median(turnarounds(done)), "ms", beyond, BASELINE)]


def memory(targets: int) -> list[Figure]:
    run, _ = orchestrated(64, 0.8, targets, at_once=256)
    late = max(run.memory)
    early = min(run.memory, key=lambda attempts: abs(attempts - late / 4))
    return [
        Figure("memory", run.memory[late], "MiB", run.memory[early],
               f"after {early:,} of {late:,} attempts"),
    ]  # fmt: skip


def measure(quick: bool) -> Iterator[Figure]:
    yield from busy("utilisation", 64, 1.0, targets=320 if quick else 2000,
                    pictures=3 if quick else 20)  # fmt: skip
    yield from idle(targets=12 if quick else 100, pictures=15 if quick else 100)
    yield from memory(targets=250 if quick else 10_000)
    if not quick:
        yield from busy("utilisation_of_500", 500, 10.0, targets=2000, pictures=4)


if __name__ == "__main__":
    given = parse_flags(__doc__)
    for figure in measure(given.quick):
        tell([figure], given)
