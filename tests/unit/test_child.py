"""Children for real: the sandbox is one, and quick to start."""

import os
import signal

import httpx
import pytest

from orchestrator import child
from orchestrator.errors import InputError, RetakeError
from tests.processes import children_of


async def test_serves_while_the_block_lasts_and_not_after() -> None:
    async with httpx.AsyncClient() as http:
        async with child.serving("orchestrator", "sandbox", ready_seconds=30) as url:
            assert (await http.get(f"{url}/prompt")).status_code == 200
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{url}/prompt")


async def test_a_child_that_cannot_start_tells_why_in_its_own_words() -> None:
    with pytest.raises(InputError, match="no_such_module_here"):
        async with child.serving("no_such_module_here", ready_seconds=30):
            pass


async def test_a_child_that_is_not_ready_in_time_is_ended() -> None:
    with pytest.raises(RetakeError, match=r"sandbox was not ready within 0\.01 s"):
        async with child.serving("orchestrator", "sandbox", ready_seconds=0.01):
            pass


async def test_a_child_that_dies_is_revived_at_the_same_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child, "REVIVE_SECONDS", 0.0)
    others = set(children_of(os.getpid()))
    async with httpx.AsyncClient() as http:
        async with child.serving("orchestrator", "sandbox", ready_seconds=30) as url:
            (pid,) = set(children_of(os.getpid())) - others
            os.kill(pid, signal.SIGKILL)
            transport = httpx.AsyncHTTPTransport(retries=8)  # waits 0.5, 1, 2, 4 … s
            async with httpx.AsyncClient(transport=transport) as patient:
                assert (await patient.get(f"{url}/prompt")).status_code == 200
            assert pid not in children_of(os.getpid())
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{url}/prompt")
