"""One suite for every server: the sandbox always, and a real ComfyUI where COMFYUI_URL names one.

A real server needs the checkpoint of `graphs`, under any model of SD1.5's architecture, and to be
started with `--preview-method latent2rgb`. Others may use it meanwhile; nothing here clears its
queue or interrupts without an id.
"""

import os
from collections.abc import AsyncIterator

import httpx
import pytest

from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.sandbox.app import Sandbox
from orchestrator.sandbox.options import Options

COMFYUI_URL = os.environ.get("COMFYUI_URL")


@pytest.fixture(params=["sandbox", *(["comfyui"] if COMFYUI_URL else [])])
async def server_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    if request.param == "comfyui":
        assert COMFYUI_URL
        yield COMFYUI_URL.rstrip("/")
        return
    async with Sandbox(Options(seconds_per_step=0.02)) as sandbox:
        yield sandbox.url


@pytest.fixture
async def client(server_url: str) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(server_url, timeouts=Timeouts(poll=0.5, apart=0.1)) as client:
        yield client


@pytest.fixture
async def http(server_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Without our client, where the wire itself is looked at."""
    async with httpx.AsyncClient(base_url=server_url, timeout=60) as http:
        yield http


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A real server on a CPU takes its time, also to load the model for the first test."""
    for item in items:
        if "comfyui" in item.name:
            item.add_marker(pytest.mark.timeout(600))
