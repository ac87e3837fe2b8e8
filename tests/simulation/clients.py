"""The real client on a simulated server: jobs, a crash perhaps, and what must come of them."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.outcome import Outcome
from orchestrator.comfy.prompt_state import End, OutputImage
from orchestrator.errors import ServerError, ServerUnreachable, Unsettled
from tests.simulation import graphs
from tests.simulation.schedule import READ, Schedule, draw
from tests.simulation.truth import Fate, Truth
from tests.simulation.world import TIMEOUTS, Report, World

URL = "http://comfy.sim:8188"
ENOUGH = 5000.0
"""Every job has ended by then, in virtual seconds."""
SLACK = TIMEOUTS.gone + 4 * READ
"""So long after the last that happened to it, a job may end, beside looks that are not answered."""


@dataclass
class Job:
    """One prompt, and what the client said of it."""

    id: str
    graph: Mapping[str, Any]
    at: float
    cancel_after: float | None = None
    cancel_waits: bool = False
    """Whoever waits for it goes on waiting while it is cancelled."""

    begun: bool = False
    followed: bool = False
    """Another process sees it through than the one that sent it."""
    done: bool = False
    """Settled, and its pictures fetched."""
    result: Outcome | ServerUnreachable | None = None
    ended: float = 0.0
    cancelling: bool = False
    gone: bool | None = None
    """What cancelling it said."""
    cancelled: float = 0.0
    pictures: list[tuple[str, str, bytes]] = field(default_factory=list)


def draw_jobs(seed: int, seconds: float) -> list[Job]:
    rng = random.Random(f"jobs {seed}")
    jobs = []
    for number in range(rng.randint(1, 8)):
        save = rng.choice(("SaveImage", "SaveImage", "PreviewImage", graphs.WEBSOCKET))
        image = rng.randint(0, 9) if save == "SaveImage" else number + 100
        batch = rng.choice((1, 1, 3)) if save == "SaveImage" else 1
        graph = graphs.picture(image, rng.randint(1, 6), save, batch)
        job = Job(f"ours-{number}", graph, rng.uniform(0, seconds))
        if rng.random() < 0.3:
            job.cancel_after = rng.choice((0.0, 0.001, 0.003, 1.0, rng.uniform(0, 60)))
            job.cancel_waits = rng.random() < 0.5
        jobs.append(job)
    return jobs


class Clients:
    """Processes on one server, one after another, that see all jobs through."""

    def __init__(self, world: World, jobs: list[Job], crash: float | None) -> None:
        self._world = world
        self._truth = world.truth
        self._jobs = jobs
        self._crash = crash

    async def run(self) -> None:
        now = asyncio.get_running_loop().time
        for end in filter(None, (self._crash, ENOUGH)):
            tasks = {asyncio.create_task(self._process())}
            _, late = await asyncio.wait(tasks, timeout=end - now())
            for task in late:
                task.cancel()
            for fault in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(fault, Exception):
                    self._truth.violate(f"a process failed: {fault!r}")
            self._truth.note(f"process ends{', killed' if late else ''}")
            if not late:
                return

    async def _process(self) -> None:
        while True:
            try:
                async with self._world.client(URL) as client:
                    undone = [job for job in self._jobs if not job.done and job.gone is None]
                    async with asyncio.TaskGroup() as group:
                        for job in undone:
                            group.create_task(self._job(client, job))
                return
            except ServerError:
                await asyncio.sleep(2.0)

    async def _job(self, client: ComfyClient, job: Job) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(job.at - loop.time())
        task = asyncio.create_task(self._drive(client, job))
        try:
            await asyncio.wait({task}, timeout=job.cancel_after)
            if not task.done():
                self._truth.note(f"client: cancels {job.id}")
                job.cancelling = True
                self._truth.unwatched.add(job.id)
                if not job.cancel_waits:
                    task.cancel()
                    await asyncio.wait({task})
                job.gone = await client.cancel(job.id)
                job.cancelled = loop.time()
                self._truth.note(f"client: {job.id} is gone: {job.gone}")
            await asyncio.wait({task})
        finally:
            task.cancel()
        if not task.cancelled() and (error := task.exception()):
            self._truth.violate(f"{job.id} failed: {error!r}")

    async def _drive(self, client: ComfyClient, job: Job) -> None:
        try:
            if job.begun:
                job.followed = True
                job.result = await client.follow(job.id, graph=job.graph)
            else:
                job.begun = True
                job.result = await client.generate(job.graph, job.id)
        except Unsettled:
            job.result = await self._settled(client, job)
        except ServerUnreachable as error:
            job.result = error
        job.ended = asyncio.get_running_loop().time()
        self._truth.note(f"client: {job.id} {getattr(job.result, 'ending', 'was not sent')}")
        if isinstance(job.result, Outcome) and job.result.ending is End.SUCCEEDED:
            job.pictures = [
                (image.ref.node, image.ref.filename, await self._fetch(client, image))
                for image in job.result.images
            ]
        job.done = True

    async def _settled(self, client: ComfyClient, job: Job) -> Outcome:
        while True:
            await asyncio.sleep(1.0)
            self._truth.note(f"client: follows {job.id} again")
            try:
                return await client.follow(job.id, graph=job.graph)
            except Unsettled:
                continue

    async def _fetch(self, client: ComfyClient, image: OutputImage) -> bytes:
        while True:
            try:
                return await client.fetch(image)
            except ServerError:
                await asyncio.sleep(5.0)


async def simulate(seed: int, trace: bool = False) -> Report:
    schedule, rng = draw(seed), random.Random(f"crash {seed}")
    jobs = draw_jobs(seed, 60.0)
    crash = rng.uniform(0.0, 90.0) if rng.random() < 0.3 else None
    world = World({URL: schedule}, trace=trace)
    await Clients(world, jobs, crash).run()
    await world.settle()
    truth = world.truth
    last = max((o.at + o.downtime for o in schedule.outages), default=0.0)
    for job in jobs:
        check(job, truth, schedule, max(last, crash or 0.0))
    return Report(seed, tuple(truth.violations), truth.faults, tuple(truth.lines))


def check(job: Job, truth: Truth, schedule: Schedule, last: float) -> None:
    """What the client said of a job against what happened to it."""
    fate = truth.fates.get(job.id, Fate())
    if job.gone and (late := [t for t in (*fate.arrived, *fate.started) if t > job.cancelled]):
        truth.violate(f"{job.id} was left behind: cancelled at {job.cancelled}, there at {late}")
    if job.result is None or not job.done:
        if job.gone is None:
            truth.violate(f"{job.id} never ended")
        return
    if wrong := _wrong(job, fate, schedule):
        truth.violate(f"{job.id}: {wrong} ({_told(job)}; {fate})")
    happened = max(job.at, last, fate.ended or 0.0, *fate.arrived[:1])
    heard = schedule.calm and last == 0 and schedule.habits.load < TIMEOUTS.silence
    quick = heard and not job.cancel_after
    looks = sum(kind == "look" for kind, _ in schedule.requests)
    if fate.ended and job.ended - happened > (0.1 if quick else SLACK + looks * READ):
        truth.violate(f"{job.id} was told {job.ended - happened:.1f} s late ({_told(job)})")
    stops = schedule.habits.load + schedule.habits.step < TIMEOUTS.cancel / 2
    if heard and stops and job.gone is False:
        truth.violate(f"{job.id} was not cancelled though all was well")


def _wrong(job: Job, fate: Fate, schedule: Schedule) -> str:
    if isinstance(job.result, ServerUnreachable):
        return "sent all the same" if fate.arrived else ""
    assert job.result
    match job.result.ending:
        case End.SUCCEEDED:
            if fate.end != "success":
                return "it did not succeed"
            made = [(*key, data) for key, data in fate.files.items()]
            sent = [data for _, name, data in job.pictures if (_, name, data) not in made]
            if sorted(made) != sorted(p for p in job.pictures if p in made) or sent != fate.sent:
                return f"pictures {job.pictures} are not what was made"
            if schedule.calm and job.result.cached != fate.cached:
                return "cached or not"
        case End.FAILED:
            if fate.end != "error" or job.result.out_of_memory != fate.out_of_memory:
                return "it did not fail so"
        case End.INTERRUPTED:
            if fate.end != "interrupted" and not fate.deleted and not job.cancelling:
                return "nobody interrupted it"
        case End.LOST:
            if any(moment > job.ended for moment in fate.arrived):
                return "it came after it was given up for lost"
            heard = schedule.calm and not job.followed and schedule.habits.load < TIMEOUTS.silence
            unheard = graphs.senders(job.graph) and not heard
            if fate.arrived and not (fate.forgotten or fate.deleted or unheard):
                return "it was not lost"
    return ""


def _told(job: Job) -> str:
    if isinstance(job.result, Outcome):
        return f"told {job.result.ending} at {job.ended:.3f}: {job.result.error}"
    return f"told {job.result!r} at {job.ended:.3f}"
