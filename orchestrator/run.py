"""The way of one target: ask, journal, submit, fetch, score, judge, journal, until it has ended.

Collaborators are arguments. Resume is the same function with a history: attempts still under way
are settled with their server first, then the loop goes on as if nothing had happened.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.events import Event, Progress
from orchestrator.comfy.outcome import Outcome
from orchestrator.comfy.prompt_state import End, OutputImage
from orchestrator.errors import PromptRejected, ScorerRefused, ServerError
from orchestrator.journal import Journal
from orchestrator.models import Attempt, Ending, Picture, Target, Verdict
from orchestrator.progress import AttemptEnded, AttemptStarted, AttemptStep, TargetEnded, Watch
from orchestrator.record import full_record
from orchestrator.scoring import Scorer
from orchestrator.search import judge
from orchestrator.search.ledger import Ledger
from orchestrator.search.strategy import Strategy
from orchestrator.storage import Storage
from orchestrator.workflow.binding import bind
from orchestrator.workflow.edit import apply
from orchestrator.workflow.emphasis import plain
from orchestrator.workflow.graph import Graph


@dataclass(frozen=True)
class Collaborators:
    """What a run works with. Shared by all targets of a process."""

    servers: Sequence[ComfyClient]
    scorer: Scorer
    journal: Journal
    storage: Storage


@dataclass(frozen=True)
class Result:
    """How a target ended. Its published pictures name their `file`."""

    target: Target
    ending: Ending
    attempts: tuple[Attempt, ...]
    best: tuple[Attempt, Picture] | None
    message: str
    """Why it failed, in one line."""


async def run_target(
    target: Target,
    history: Sequence[Attempt],
    strategy: Strategy,
    using: Collaborators,
    watch: Watch,
) -> Result:
    """Run a target to its end on all servers at once, one attempt at a time on each.

    Cancelled, it takes our prompts back from the servers and leaves the target to be resumed. The
    first RetakeError that stops a lane is raised; the target can be resumed then, too.
    """
    ledger = Ledger(target, history, strategy)
    run = _Run(target, ledger, using, watch)
    await run.mark_lost()
    lanes = {asyncio.create_task(run.lane(server)) for server in using.servers}
    try:
        while lanes and not ledger.decided:
            ended, lanes = await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
            for lane in ended:
                lane.result()
    finally:
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
    await run.end()
    return Result(target, ledger.ending, ledger.attempts, ledger.best, ledger.message)


class _Run:
    """What the lanes of one target do. A lane is one slot of one server."""

    def __init__(self, target: Target, ledger: Ledger, using: Collaborators, watch: Watch) -> None:
        self._target = target
        self._ledger = ledger
        self._using = using
        self._watch = watch
        self._graph = Graph.from_api(target.workflow)
        self._binding = bind(self._graph, target.bindings)
        self._prompt = plain(target.prompt)

    async def mark_lost(self) -> None:
        """Attempts under way on servers that are not ours any more can't be asked about."""
        known = {str(server.address) for server in self._using.servers}
        for attempt in self._ledger.attempts:
            if attempt.verdict is None and attempt.server not in known:
                message = f"{attempt.server} is not in use any more"
                await self._end(_with(attempt, verdict=Verdict.LOST, message=message))

    async def lane(self, server: ComfyClient) -> None:
        for name in self._target.inputs:
            await server.upload(name, self._using.storage.get_input(name))
        url = str(server.address)
        for attempt in self._ledger.attempts:
            if attempt.verdict is None and attempt.server == url:
                await self._attempt(server, attempt, submitted=True)
        while (begun := self._ledger.begin(url, str(uuid.uuid4()))) is not None:
            await self._using.journal.begin(self._target, begun)
            await self._attempt(server, begun, submitted=False)

    async def end(self) -> None:
        """Publish the best of a target that was not satisfied, and write down how it ended."""
        if self._ledger.best is not None and not self._ledger.accepted:
            attempt, best = self._ledger.best
            await self._record(await self._publish(attempt, lambda picture: picture is best))
        await self._using.journal.end_target(self._target, self._ledger.ending)
        self._using.storage.clear(self._target.id)
        self._watch(TargetEnded(target_id=self._target.id, ending=self._ledger.ending))

    async def _attempt(self, server: ComfyClient, attempt: Attempt, *, submitted: bool) -> None:
        """See one attempt through to its verdict, or take it back when we are cancelled."""
        self._watch(AttemptStarted(attempt=attempt))
        graph = apply(self._graph, self._binding, attempt.mutation, prompt=self._target.prompt)
        api, relay = graph.to_api(), self._relay(attempt)
        try:
            if submitted:
                outcome = await server.follow(attempt.prompt_id, relay, graph=api)
            else:
                outcome = await server.generate(api, attempt.prompt_id, relay)
            attempt = await self._judged(server, attempt, outcome)
        except PromptRejected as error:
            attempt = _with(attempt, verdict=Verdict.REJECTED_BY_SERVER, message=str(error))
        except asyncio.CancelledError:
            with contextlib.suppress(ServerError):
                await server.cancel(attempt.prompt_id)
            await self._end(_with(attempt, verdict=Verdict.INTERRUPTED_BY_US))
            raise
        await self._end(attempt)

    async def _judged(self, server: ComfyClient, attempt: Attempt, outcome: Outcome) -> Attempt:
        """The attempt with its pictures, scores and verdict, the accepted ones published."""
        attempt = _with(attempt, gpu_seconds=outcome.seconds, message=outcome.error)
        trouble = _trouble(outcome)
        if trouble is not None:
            return _with(attempt, verdict=trouble)
        seen = {picture.sha256 for a in self._ledger.attempts for picture in a.pictures}
        pictures = [await self._scored(server, image, seen) for image in outcome.images]
        attempt = _with(attempt, pictures=tuple(pictures))
        if any(picture.passed for picture in pictures):
            attempt = await self._publish(attempt, lambda picture: picture.passed)
            return _with(attempt, verdict=Verdict.ACCEPTED)
        if outcome.cached:
            return _with(attempt, verdict=Verdict.CACHED)
        if not any(picture.scores for picture in pictures):
            return _with(attempt, verdict=Verdict.SCORER_FAILED, message=pictures[0].message)
        return _with(attempt, verdict=Verdict.BELOW_GATE)

    async def _scored(self, server: ComfyClient, image: OutputImage, seen: set[str]) -> Picture:
        data = await server.fetch(image)
        sha256 = await asyncio.to_thread(self._using.storage.put, self._target.id, data)
        try:
            scores = await self._using.scorer.score(data, self._prompt)
        except ScorerRefused as error:
            return Picture(sha256=sha256, message=str(error))
        passed = sha256 not in seen and judge.passes(self._target.gate, scores)
        seen.add(sha256)
        return Picture(sha256=sha256, scores=scores, passed=passed)

    async def _publish(self, attempt: Attempt, wanted: Callable[[Picture], bool]) -> Attempt:
        """The attempt, its wanted pictures written for people."""
        pictures = []
        for index, picture in enumerate(attempt.pictures):
            if wanted(picture):
                name = f"{self._target.id}-{attempt.number:03}" + (f"-{index}" if index else "")
                path = await asyncio.to_thread(
                    self._using.storage.publish,
                    self._target.id,
                    picture.sha256,
                    name,
                    full_record(self._target, attempt, picture),
                )
                picture = picture.model_copy(update={"file": path.name})
            pictures.append(picture)
        return _with(attempt, pictures=tuple(pictures))

    async def _end(self, attempt: Attempt) -> None:
        """Write an attempt's verdict down, and keep of the rejected pictures only the best."""
        await self._record(attempt)
        best = self._ledger.best
        for picture in [p for a in self._ledger.attempts for p in a.pictures]:
            if best is None or picture.sha256 != best[1].sha256:
                self._using.storage.discard(self._target.id, picture.sha256)
        self._watch(AttemptEnded(attempt=attempt))

    async def _record(self, attempt: Attempt) -> None:
        self._ledger.enter(attempt)
        await self._using.journal.end(self._target, attempt)

    def _relay(self, attempt: Attempt) -> Callable[[Event], None]:
        def relay(event: Event) -> None:
            if isinstance(event, Progress):
                step, steps = int(event.value), int(event.maximum)
                self._watch(AttemptStep(number=attempt.number, step=step, steps=steps))

        return relay


def _trouble(outcome: Outcome) -> Verdict | None:
    """The verdict on a prompt that brought nothing to judge."""
    match outcome.ending:
        case End.FAILED:
            return Verdict.OUT_OF_MEMORY if outcome.out_of_memory else Verdict.NODE_ERROR
        case End.INTERRUPTED:
            return Verdict.INTERRUPTED_BY_OTHER
        case End.LOST:
            return Verdict.LOST
        case End.SUCCEEDED:
            return None if outcome.images else Verdict.NO_IMAGE


def _with(attempt: Attempt, **changes: Any) -> Attempt:
    return attempt.model_copy(update=changes)
