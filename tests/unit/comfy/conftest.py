"""Recorded conversations with a real ComfyUI 0.3.64, and a server that tests script."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.comfy.scripted import ScriptedServer

SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class Recording:
    """One prompt: the frames of its websocket in order, and its history entry afterwards.

    Images are cut short, tracebacks after a line.
    """

    prompt_id: str
    graph: dict[str, Any]
    frames: tuple[str | bytes, ...]
    history: dict[str, Any]


@pytest.fixture
def recording() -> Callable[[str], Recording]:
    def load(name: str) -> Recording:
        sample = json.loads((SAMPLES / f"{name}.json").read_text())
        frames = tuple(
            json.dumps(frame["text"]) if "text" in frame else base64.b64decode(frame["binary"])
            for frame in sample["frames"]
        )
        return Recording(sample["prompt_id"], sample["graph"], frames, sample["history"])

    return load


@pytest.fixture
def refusals() -> dict[str, Any]:
    """Name → the prompt that was refused and the body of the 400."""
    refusals: dict[str, Any] = json.loads((SAMPLES / "refusals.json").read_text())
    return refusals


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer()
