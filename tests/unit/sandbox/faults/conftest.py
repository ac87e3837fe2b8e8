"""A client of a sandbox whose time a test can stop."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.sandbox.driver import Server
from tests.unit.sandbox.faults.wire import Wire


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[Wire]:
    async with httpx.AsyncClient(base_url=server.url, timeout=5) as http:
        yield Wire(server.url, http)
