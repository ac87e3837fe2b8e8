"""A simulated world: servers behind wires with faults, and one truth about all of them.

What runs on it, the client alone or all of the orchestrator, gets its clients from `client`.
"""

import asyncio
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.timeouts import Timeouts
from tests.simulation.processes import Process, current
from tests.simulation.schedule import READ, SILENCE, Schedule
from tests.simulation.server import SimServer
from tests.simulation.truth import Truth
from tests.simulation.wire import Link, Wire, is_theirs

TIMEOUTS = Timeouts(read=READ, silence=SILENCE, gone=60.0)


@dataclass(frozen=True)
class Report:
    """One run."""

    seed: int
    violations: tuple[str, ...]
    faults: int
    trace: tuple[str, ...] = ()


class World:
    """To be made within a virtual loop."""

    def __init__(
        self, schedules: Mapping[str, Schedule], *, trace: bool = False, all_watched: bool = True
    ) -> None:
        """`schedules`: each server's URL → what goes wrong there. `all_watched`: somebody waits for
        every prompt that is not in `Truth.unwatched`, and must not trust a silent websocket."""
        loop = asyncio.get_running_loop()
        self.truth = Truth(loop.time, trace)
        self.wires: dict[str, Wire] = {}
        for url, schedule in schedules.items():
            server = SimServer(loop, self.truth, schedule.habits, url)
            patience = schedule.patience if all_watched else math.inf
            self.wires[url] = Wire(url, server, schedule, patience)
        self._clients = itertools.count(1)

    def client(self, url: str) -> ComfyClient:
        """Another client of a server, not yet connected."""
        process = current()
        link = Link(self.wires[url], process.name if process else f"client {next(self._clients)}")
        return ComfyClient(url, timeouts=TIMEOUTS, transport=link, connect=link.connect)

    def kill(self, process: Process) -> None:
        """At once, and without a word. What it has sent may arrive."""
        self.truth.fault(f"{process.name} is killed")
        process.kill()
        for wire in self.wires.values():
            wire.cut(process)

    async def settle(self) -> None:
        """Wait for what is late or left over, and look for what must never be."""
        await asyncio.sleep(3 * READ)
        self.truth.check(TIMEOUTS.apart)

    def left_over(self) -> list[str]:
        """Our prompts that still wait or run somewhere."""
        servers = [wire.server for wire in self.wires.values()]
        prompts = [p for s in servers for p in (s.running, *s.pending) if p]
        return [prompt.id for prompt in prompts if not is_theirs(prompt.id)]

    def ours(self) -> list[str]:
        """All prompts of ours that came to a server."""
        return [prompt_id for prompt_id in self.truth.fates if not is_theirs(prompt_id)]
