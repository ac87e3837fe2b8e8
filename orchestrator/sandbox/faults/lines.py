"""Faults of websockets: what becomes of each frame on its way to one client."""

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Final

from orchestrator.sandbox.events import Cut, Frame, Line
from orchestrator.sandbox.faults.armed import Faults
from orchestrator.sandbox.faults.kinds import (
    DropFrame,
    DropSocket,
    Duplicate,
    Fault,
    Reorder,
    ZombieSocket,
)

_WITH_METADATA: Final = 4


class FaultyLine(Line):
    """One connection's line. It counts the frames about a prompt while a fault waits for one."""

    def __init__(
        self, client_id: str, faults: Faults, sleep: Callable[[float], Awaitable[object]]
    ) -> None:
        self._client_id = client_id
        self._faults = faults
        self._sleep = sleep
        self._frame = 0
        self._prompt_id: str | None = None
        self._held: list[Frame | Cut] = []
        self._silent = False
        self._waking: asyncio.Task[None] | None = None

    def carry(self, frame: Frame) -> list[Frame | Cut]:
        if self._silent:
            return []
        held, self._held = self._held, []
        carried: list[Frame | Cut] = [frame]
        if self._faults.expects("frame"):
            about = self._about(frame)
            for fault in self._faults.due("frame", client_id=self._client_id, **about):
                carried = self._tamper(fault, carried)
        return carried + held

    def takes_successor(self) -> bool:
        return any(self._faults.due("replaced", client_id=self._client_id))

    def _tamper(self, fault: Fault, frames: list[Frame | Cut]) -> list[Frame | Cut]:
        match fault:
            case DropFrame():
                return []
            case Duplicate():
                return frames * 2
            case Reorder():
                self._held = frames
                return []
            case ZombieSocket(seconds=seconds):
                self._silent = True
                if seconds is not None:
                    self._waking = asyncio.create_task(self._wake_after(seconds))
                return []
            case DropSocket(abort=abort):
                self._silent = True
                return [Cut(abort)]
        raise TypeError(f"{fault.fault} is no fault of frames")

    async def _wake_after(self, seconds: float) -> None:
        await self._sleep(seconds)
        self._silent = False

    def _about(self, frame: Frame) -> dict[str, Any]:
        """What `when` can ask of a frame. Images without metadata belong to the prompt at hand."""
        kind, prompt_id = _read(frame)
        if kind == "execution_start" or prompt_id not in (None, self._prompt_id):
            self._prompt_id, self._frame = prompt_id, 0
        if prompt_id is None and kind != "binary":
            return {"type": kind}
        self._frame += 1
        return {"type": kind, "prompt_id": self._prompt_id, "frame": self._frame}


def _read(frame: Frame) -> tuple[str, str | None]:
    """A frame's type, and the prompt that it names."""
    if isinstance(frame, str):
        said = json.loads(frame)
        return said["type"], said["data"].get("prompt_id")
    event, size = struct.unpack(">II", frame[:8])
    if event != _WITH_METADATA:
        return "binary", None
    return "binary", json.loads(frame[8 : 8 + size])["prompt_id"]
