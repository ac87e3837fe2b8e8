"""From what a prompt made to a verdict: fetch, keep, score, judge, publish."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.outcome import Outcome
from orchestrator.comfy.prompt_state import End, OutputImage
from orchestrator.errors import ScorerRefused
from orchestrator.models import Attempt, Picture, Target, Verdict
from orchestrator.progress import Watch
from orchestrator.record import full_record
from orchestrator.scoring import Scorer
from orchestrator.search import judge
from orchestrator.search.ledger import Ledger
from orchestrator.storage import Storage
from orchestrator.waits import ScorerWaits
from orchestrator.workflow.emphasis import plain

T = TypeVar("T")


class Gatekeeper:
    """Decides on one target's attempts. Pictures are on disk before they are scored."""

    def __init__(
        self, target: Target, ledger: Ledger, scorer: Scorer, storage: Storage, watch: Watch
    ) -> None:
        self._target = target
        self._ledger = ledger
        self._scorer = scorer
        self._storage = storage
        self._waits = ScorerWaits(scorer.url, watch)
        self._prompt = plain(target.prompt)
        self._on_disk = {p.sha256 for a in ledger.attempts for p in a.pictures}

    async def fetch(self, server: ComfyClient, attempt: Attempt, outcome: Outcome) -> Attempt:
        """The attempt with its pictures stored, or with a verdict if there is nothing to judge.

        Raises ServerError when they can't be had now, StorageError when they can't be kept.
        """
        attempt = amended(attempt, gpu_seconds=outcome.seconds, message=outcome.error)
        trouble = _trouble(outcome)
        if trouble is not None:
            return amended(attempt, verdict=trouble)
        pictures = [await self._kept(server, image) for image in outcome.images]
        return amended(attempt, pictures=tuple(pictures), cached=outcome.cached)

    async def judge(self, attempt: Attempt) -> Attempt:
        """The attempt with scores and verdict, its accepted pictures published.

        Waits for a scorer that is in trouble. Raises StorageError.
        """
        seen = {p.sha256 for a in self._ledger.attempts if a.number != attempt.number
                for p in a.pictures}  # fmt: skip
        pictures = []
        for picture in attempt.pictures:
            pictures.append(await self._scored(picture, new=picture.sha256 not in seen))
            seen.add(picture.sha256)
        attempt = amended(attempt, pictures=tuple(pictures))
        if any(picture.passed for picture in pictures):
            attempt = await self.publish(attempt, lambda picture: picture.passed)
            return amended(attempt, verdict=Verdict.ACCEPTED)
        if attempt.cached:
            return amended(attempt, verdict=Verdict.CACHED)
        if not any(picture.scores for picture in pictures):
            return amended(attempt, verdict=Verdict.SCORER_FAILED, message=pictures[0].message)
        return amended(attempt, verdict=Verdict.BELOW_GATE)

    async def publish(self, attempt: Attempt, wanted: Callable[[Picture], bool]) -> Attempt:
        """The attempt, its wanted pictures written for people. Raises StorageError."""
        pictures = []
        for index, picture in enumerate(attempt.pictures):
            if wanted(picture):
                record = full_record(self._target, attempt, picture)
                path = await _to_its_end(
                    self._storage.publish,
                    self._target.id,
                    picture.sha256,
                    _name(self._target, attempt, index),
                    record,
                )
                picture = picture.model_copy(update={"file": path.name})
            pictures.append(picture)
        return amended(attempt, pictures=tuple(pictures))

    def forget_losers(self) -> None:
        """Of pictures that were judged and did not pass, keep only the best."""
        judged = [a for a in self._ledger.attempts if a.verdict is not None]
        losers = {picture.sha256 for attempt in judged for picture in attempt.pictures}
        if self._ledger.best is not None:
            losers.discard(self._ledger.best[1].sha256)
        for sha256 in losers & self._on_disk:
            self._storage.discard(self._target.id, sha256)
        self._on_disk -= losers

    async def _kept(self, server: ComfyClient, image: OutputImage) -> Picture:
        data = await server.fetch(image)
        sha256 = await asyncio.to_thread(self._storage.put, self._target.id, data)
        self._on_disk.add(sha256)
        return Picture(sha256=sha256)

    async def _scored(self, picture: Picture, *, new: bool) -> Picture:
        data = await asyncio.to_thread(self._storage.get, self._target.id, picture.sha256)
        waits = partial(self._waits.begin, picture.sha256)
        refused = ""
        try:
            scores = await self._scorer.score(data, self._prompt, waits)
        except ScorerRefused as error:
            refused = str(error)
        self._waits.end(picture.sha256)
        if refused:
            return picture.model_copy(update={"message": refused})
        passed = new and judge.passes(self._target.gate, scores)
        return picture.model_copy(update={"scores": scores, "passed": passed})


def withdraw(storage: Storage, target: Target, attempt: Attempt) -> None:
    """Remove what was published of an attempt before anybody wrote down that it was accepted."""
    for index in range(len(attempt.pictures)):
        storage.withdraw(_name(target, attempt, index))


def amended(attempt: Attempt, **changes: Any) -> Attempt:
    return attempt.model_copy(update=changes)


def _name(target: Target, attempt: Attempt, index: int) -> str:
    """What a picture of an attempt is called where people see it."""
    return f"{target.id}-{attempt.number:03}" + (f"-{index}" if index else "")


async def _to_its_end(work: Callable[..., T], *arguments: Any) -> T:
    """The work in a thread, which can't be stopped: who is cancelled waits for it."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)  # its trouble is nobody's any more
        raise


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
