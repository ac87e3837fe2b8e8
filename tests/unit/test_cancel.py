from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import pytest

from orchestrator.cancel import cancel_target
from orchestrator.comfy.client import ComfyClient
from orchestrator.errors import NotCancelled, ServerUnreachable
from orchestrator.journal import Journal
from orchestrator.models import Attempt, Picture, Verdict
from orchestrator.storage import Storage
from tests.unit.journal.reading import attempts_of
from tests.unit.nouns import attempt, target

A, B = "http://a", "http://b"
TARGET = target()


class Servers:
    """What their clients are asked to cancel. A server may be down, or keep its prompts."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.stubborn: set[str] = set()
        self.cancelled: list[str] = []

    def client(self, url: str) -> ComfyClient:
        servers = self

        class Client(ComfyClient):
            async def __aenter__(self) -> Self:
                if url in servers.down:
                    raise ServerUnreachable(f"{url} can't be reached")
                return self

            async def __aexit__(self, *exc: object) -> None: ...

            async def cancel(self, prompt_id: str) -> bool:
                servers.cancelled.append(prompt_id)
                return url not in servers.stubborn

        return Client(url)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """With a target of which one attempt is over, and one is under way on each of two servers."""
    async with Journal(tmp_path / "journal.db") as journal:
        await journal.add_target(TARGET, {})
        for number, server in enumerate((A, A, B), 1):
            begun = attempt(number, None).model_copy(update={"server": server})
            await journal.begin(TARGET, begun)
        await journal.end(TARGET, attempt(1, Verdict.BELOW_GATE, 20))
        yield journal


async def cancel(journal: Journal, servers: Servers, folder: Path, **options: Any) -> None:
    attempts = await attempts_of(journal, TARGET)
    storage = Storage(folder)
    await cancel_target(TARGET, attempts, journal, storage, servers.client, **options)


async def standing(journal: Journal) -> tuple[str | None, list[Verdict | None]]:
    [entry] = await journal.entries()
    return entry.ending, [attempt.verdict for attempt in entry.attempts]


async def test_what_is_under_way_is_taken_off_its_servers(journal: Journal, tmp_path: Path) -> None:
    servers = Servers()
    await cancel(journal, servers, tmp_path)
    assert sorted(servers.cancelled) == ["p2", "p3"]
    ours = [Verdict.INTERRUPTED_BY_US] * 2
    assert await standing(journal) == ("cancelled", [Verdict.BELOW_GATE, *ours])


@pytest.mark.parametrize("trouble", ["down", "stubborn"])
async def test_what_can_t_be_taken_off_is_told_and_left_to_the_next_time(
    journal: Journal, tmp_path: Path, trouble: str
) -> None:
    servers = Servers()
    getattr(servers, trouble).add(B)
    with pytest.raises(NotCancelled, match=f"prompt p3 may still run on {B}.*'cancel t'"):
        await cancel(journal, servers, tmp_path)
    over = [Verdict.BELOW_GATE, Verdict.INTERRUPTED_BY_US]
    assert await standing(journal) == (None, [*over, None])
    servers.down.clear()
    servers.stubborn.clear()
    await cancel(journal, servers, tmp_path)
    assert await standing(journal) == ("cancelled", [*over, Verdict.INTERRUPTED_BY_US])
    assert servers.cancelled.count("p2") == 1


async def test_an_embedded_sandbox_died_with_its_process(journal: Journal, tmp_path: Path) -> None:
    servers = Servers()
    servers.down |= {A, B}
    await cancel(journal, servers, tmp_path, sandbox=True)
    assert (await standing(journal))[0] == "cancelled"


async def test_pictures_that_wait_for_the_scorer_are_on_no_server(
    journal: Journal, tmp_path: Path
) -> None:
    sha256 = Storage(tmp_path).put("t", b"a picture")
    made: Attempt = attempt(2, None).model_copy(update={"pictures": (Picture(sha256=sha256),)})
    await journal.end(TARGET, made)
    servers = Servers()
    await cancel(journal, servers, tmp_path)
    assert servers.cancelled == ["p3"]
    assert (await standing(journal))[0] == "cancelled"
    assert not [path for path in (tmp_path / ".retake").rglob("*") if path.is_file()]
