"""A simulated world: servers behind wires with faults, and one truth about all of them.

What runs on it, the client alone or all of the orchestrator, gets its clients from `client`.
"""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.timeouts import Timeouts
from tests.simulation.schedule import READ, SILENCE, Schedule
from tests.simulation.server import SimServer
from tests.simulation.truth import Truth
from tests.simulation.wire import Wire, is_theirs

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

    def __init__(self, schedules: Mapping[str, Schedule], *, trace: bool = False) -> None:
        """`schedules`: each server's URL → what goes wrong there."""
        loop = asyncio.get_running_loop()
        self.truth = Truth(loop.time, trace)
        self.wires: dict[str, Wire] = {}
        for url, schedule in schedules.items():
            server = SimServer(loop, self.truth, schedule.habits)
            self.wires[url] = Wire(url, server, schedule)
        self._clients = itertools.count(1)

    def client(self, url: str) -> ComfyClient:
        """Another client of a server, not yet connected."""
        wire = self.wires[url]
        wire.client = next(self._clients)
        return ComfyClient(url, timeouts=TIMEOUTS, transport=wire, connect=wire.connect)

    async def settle(self) -> None:
        """Wait for what is late or left over, and look for what must never be."""
        await asyncio.sleep(3 * READ)
        self.truth.check(TIMEOUTS.apart)

    def left_over(self) -> list[str]:
        """Our prompts that still wait or run somewhere."""
        servers = [wire.server for wire in self.wires.values()]
        prompts = [p for s in servers for p in (s.running, *s.pending) if p]
        return [prompt.id for prompt in prompts if not is_theirs(prompt.id)]
