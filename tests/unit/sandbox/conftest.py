"""A sandbox in the test's own event loop, whose time stands still when a test says so."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from orchestrator.sandbox.app import Sandbox
from orchestrator.sandbox.options import Options
from tests.unit.sandbox.driver import Server, Time


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def server(time: Time) -> AsyncIterator[Server]:
    async with (
        Sandbox(Options(), sleep=time) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        yield Server(sandbox, session, time)
