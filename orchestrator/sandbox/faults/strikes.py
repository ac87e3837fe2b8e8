"""What is due at a moment, and its happening: to an exchange, to a prompt, to the server.

What becomes of an answer is in `answers`; websocket frames have faults of their own in `lines`.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from orchestrator.sandbox.execution import Executor, Sleep
from orchestrator.sandbox.faults import answers
from orchestrator.sandbox.faults.answers import Exchange
from orchestrator.sandbox.faults.armed import Faults
from orchestrator.sandbox.faults.kinds import (
    ClockJump,
    Fault,
    ForeignPrompts,
    ForgetQueue,
    HistoryLate,
    HttpFault,
    InterruptByOther,
    NodeError,
    OutOfMemory,
    Restart,
)
from orchestrator.sandbox.faults.when import Moment
from orchestrator.sandbox.log import Observer
from orchestrator.sandbox.prompt_queue import PromptQueue
from orchestrator.sandbox.running import Run

SOMEBODY_ELSE: Final = "somebody-else"
"""Client id of those who queue and interrupt on demand."""
_SEEDS: Final = count(1_000_000)


class OutOfMemoryError(RuntimeError):
    """As torch raises it."""


# ComfyUI tells an exception's type with its module.
OutOfMemoryError.__module__ = "torch"


class Clock:
    """The time of day that the server goes by."""

    def __init__(self) -> None:
        self.skew = 0.0

    def __call__(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.skew


@dataclass(frozen=True, slots=True)
class Parts:
    """What faults happen to."""

    queue: PromptQueue
    executor: Executor
    submit: Callable[[Mapping[str, Any]], object]
    restart: Callable[[Restart], Awaitable[None]]
    """Does not return where it ends its caller too."""
    observer: Observer
    clock: Clock
    sleep: Sleep


class Strikes:
    def __init__(self, faults: Faults, parts: Parts) -> None:
        self._faults = faults
        self._parts = parts

    async def on_exchange(self, moment: Moment, exchange: Exchange) -> None:
        path = exchange.request.path.removeprefix("/api")
        for fault in self._faults.due(moment, method=exchange.request.method, path=path):
            if isinstance(fault, HttpFault):
                await answers.tamper(fault, exchange, self._parts.sleep)
            else:
                await self._happen(fault)

    async def on_run(self, moment: Moment, run: Run) -> None:
        """Raises what the node that runs is to raise."""
        for fault in self._faults.due(
            moment,
            client_id=run.job.client_id,
            prompt_id=run.job.prompt_id,
            node=run.node_id,
            class_type=run.prompt.get(run.node_id, {}).get("class_type"),
            step=run.steps,
        ):
            await self._happen(fault)

    async def now(self) -> None:
        for fault in self._faults.due("now"):
            await self._happen(fault)

    async def _happen(self, fault: Fault) -> None:
        parts = self._parts
        match fault:
            case OutOfMemory():
                raise OutOfMemoryError("Allocation on device 0 would exceed allowed memory.")
            case NodeError(message=message):
                raise RuntimeError(message)
            case HistoryLate(seconds=seconds):
                await parts.sleep(seconds)
            case InterruptByOther():
                parts.executor.interrupt(by=SOMEBODY_ELSE)
            case ForeignPrompts(count=prompts, steps=steps):
                for _ in range(prompts):
                    parts.submit({"prompt": _foreign_graph(steps), "client_id": SOMEBODY_ELSE})
            case ForgetQueue():
                for job in parts.queue.pending:
                    parts.observer.note("forgotten", **job.ids)
                parts.queue.clear()
            case Restart():
                await parts.restart(fault)
            case ClockJump(seconds=seconds):
                parts.clock.skew += seconds
            case _:
                raise TypeError(f"{fault.fault} does not happen to a server")


def _foreign_graph(steps: int) -> dict[str, Any]:
    """A small picture of which nothing is cached."""
    sampling = {
        "seed": next(_SEEDS),
        "steps": steps,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }
    links = {
        "model": ["1", 0],
        "positive": ["2", 0],
        "negative": ["2", 0],
        "latent_image": ["3", 0],
    }
    nodes: dict[str, tuple[str, dict[str, Any]]] = {
        "1": ("CheckpointLoaderSimple", {"ckpt_name": "scenes-easy.safetensors"}),
        "2": ("CLIPTextEncode", {"text": "a blue star", "clip": ["1", 1]}),
        "3": ("EmptyLatentImage", {"width": 64, "height": 64, "batch_size": 1}),
        "4": ("KSampler", {**sampling, **links}),
        "5": ("VAEDecode", {"samples": ["4", 0], "vae": ["1", 2]}),
        "6": ("SaveImage", {"images": ["5", 0], "filename_prefix": SOMEBODY_ELSE}),
    }
    return {
        node_id: {"class_type": class_type, "inputs": inputs}
        for node_id, (class_type, inputs) in nodes.items()
    }
