"""Children for real: the sandbox is one, and quick to start."""

import httpx
import pytest

from orchestrator import child
from orchestrator.errors import InputError, RetakeError


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
