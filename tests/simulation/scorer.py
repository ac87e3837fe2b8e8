"""A simulated scorer: what it says of a picture is a function of the picture; and its bad hours."""

import asyncio
import hashlib
import random
from collections import defaultdict
from contextvars import Context
from dataclasses import dataclass

import httpx

from tests.simulation import graphs
from tests.simulation.sockets import LATENCY
from tests.simulation.truth import Truth

ANSWER = 60.0
"""So long its clients wait for an answer, in seconds."""

_KINDS = ("down", "down", "reset", "silent", "slow", "429", "503", "html", "truncated", "nothing")


@dataclass(frozen=True)
class BadHour:
    begins: float
    ends: float
    kind: str


@dataclass(frozen=True)
class Temper:
    """What goes wrong with the scorer in one run."""

    seconds: float = 0.05
    """For one picture."""
    bad_hours: tuple[BadHour, ...] = ()
    refuses: float = 0.0
    """Share of the pictures that it can't score."""
    crashes: float = 0.0
    """Share of the pictures that bring it down, three times each."""

    @property
    def calm(self) -> bool:
        return not (self.bad_hours or self.refuses or self.crashes)


def draw_temper(seed: int, seconds: float = 90.0) -> Temper:
    rng = random.Random(f"scorer {seed}")
    if rng.random() < 0.5:
        return Temper(rng.choice((0.05, 0.05, 3.0)))
    begins = [rng.uniform(0, seconds) for _ in range(rng.randint(0, 4))]
    return Temper(
        rng.choice((0.05, 0.05, 3.0)),
        tuple(BadHour(b, b + rng.choice((1.0, 10.0, 100.0)), rng.choice(_KINDS)) for b in begins),
        rng.choice((0.0, 0.0, 0.2)),
        rng.choice((0.0, 0.0, 0.1)),
    )


class SimScorer(httpx.AsyncBaseTransport):
    """A transport that leads to it. Remembers what it was asked."""

    def __init__(self, truth: Truth, temper: Temper) -> None:
        self._truth = truth
        self._temper = temper
        self._loop = asyncio.get_running_loop()
        self._down_until = 0.0
        self._trouble_before = ""
        self._crashed: dict[bytes, int] = defaultdict(int)
        self.scored: set[graphs.Made] = set()
        """The pictures whose scores it has told."""

    def refuses(self, picture: bytes) -> bool:
        return _share(picture, "refused") < self._temper.refuses

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        picture = await request.aread()
        answering = self._loop.create_task(self._answer(request, picture), context=Context())
        answering.add_done_callback(lambda a: a.cancelled() or a.exception(), context=Context())
        return await answering

    async def _answer(self, request: httpx.Request, picture: bytes) -> httpx.Response:
        await asyncio.sleep(LATENCY)
        kind = self._trouble()
        if kind:
            self._truth.fault(f"scorer: {kind}", again=self._trouble_before == kind)
        self._trouble_before = kind
        match kind:
            case "down":
                raise httpx.ConnectError("connection refused", request=request)
            case "reset":
                raise httpx.ReadError("connection reset", request=request)
            case "silent":
                await asyncio.sleep(ANSWER)
                raise httpx.ReadTimeout("timed out", request=request)
            case "slow":
                await asyncio.sleep(ANSWER / 2)
            case "429" | "503":
                return httpx.Response(int(kind), json={"error": {"message": "busy"}})
            case "html":
                return httpx.Response(200, html="<html>one moment</html>")
            case "nothing":
                return httpx.Response(200, json={})
        await asyncio.sleep(self._temper.seconds)
        if _share(picture, "crash") < self._temper.crashes and self._crashed[picture] < 3:
            self._crashed[picture] += 1
            self._truth.fault("scorer: crashes")
            self._down_until = self._loop.time() + 8.0
            raise httpx.ReadError("connection reset", request=request)
        if self.refuses(picture):
            self._truth.fault("scorer: refuses a picture")
            return httpx.Response(422, json={"error": {"message": "not a picture"}})
        answer = httpx.Response(200, json={"scores": [_score(graphs.made(picture).score)]})
        if kind == "truncated":
            return httpx.Response(200, content=answer.content[:-5])
        self._truth.note(f"scorer: {graphs.made(picture)} {graphs.made(picture).score:.1f}")
        self.scored.add(graphs.made(picture))
        return answer

    def _trouble(self) -> str:
        now = self._loop.time()
        if now < self._down_until:
            return "down"
        hours = (hour for hour in self._temper.bad_hours if hour.begins <= now < hour.ends)
        return next((hour.kind for hour in hours), "")


def _share(picture: bytes, of: str) -> float:
    """From 0 to 1, by the picture alone."""
    return int.from_bytes(hashlib.sha256(of.encode() + picture).digest()[:6]) / 2**48


def _score(value: float) -> dict[str, object]:
    about = {"metric": "clip", "version": 1, "model": "simulated", "weights": "sha256:0"}
    return {**about, "value": value}
