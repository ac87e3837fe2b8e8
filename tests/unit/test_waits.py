import asyncio

import pytest

from orchestrator import waits
from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.fleet import Fleet
from orchestrator.progress import Resumed, RunEvent, Waiting
from orchestrator.waits import ScorerWaits, ServerWaits

A, B = "http://a", "http://b"


class Online(ComfyClient):
    async def online(self) -> None: ...


class Servers(Fleet):
    """Some are up, some are not."""

    def __init__(self) -> None:
        super().__init__([], ComfyClient)
        self.up = {A: asyncio.Event(), B: asyncio.Event()}

    def answers(self, url: str) -> bool:
        return self.up[url].is_set()

    async def answering(self, url: str) -> ComfyClient:
        await self.up[url].wait()
        return Online(url)


def waiting(url: str) -> Waiting:
    return Waiting(on=url, message=f"server {url} does not answer: waiting for it")


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[RunEvent]:
    monkeypatch.setattr(waits, "_SOON", 0.0)
    return []


async def test_a_server_s_wait_is_told_once_and_so_is_its_end(told: list[RunEvent]) -> None:
    fleet = Servers()
    servers = ServerWaits(fleet, told.append)
    for _ in range(3):
        servers.begin(A)
        await settle()
    assert told == [waiting(A)]
    servers.begin(B)
    await settle()
    fleet.up[A].set()
    await settle()
    assert told == [waiting(A), waiting(B), Resumed(on=A)]
    fleet.up[A].clear()
    servers.begin(A)
    await settle()
    assert told[3:] == [waiting(A)]
    await servers.close()
    fleet.up[A].set()
    await settle()
    assert told[4:] == []


async def test_a_server_that_answers_is_no_news() -> None:
    told: list[RunEvent] = []
    fleet = Servers()
    fleet.up[A].set()
    servers = ServerWaits(fleet, told.append)
    servers.begin(A)
    await settle()
    assert told == []
    await servers.close()


def test_pictures_that_wait_for_the_scorer_are_counted() -> None:
    told: list[RunEvent] = []
    scorer = ScorerWaits(A, told.append)
    scorer.end("one")
    assert told == []
    for picture in ("one", "one", "two"):
        scorer.begin(picture, "busy")
    scorer.end("three")
    scorer.end("one")
    scorer.end("two")
    assert told == [
        Waiting(on=A, message="busy: 1 picture waits on disk"),
        Waiting(on=A, message="busy: 2 pictures wait on disk"),
        Resumed(on=A),
    ]
