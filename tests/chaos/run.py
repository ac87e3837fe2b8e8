"""One chaos run: real processes, real faults, real deaths, and an observer at the end."""

import contextlib
import os
import signal
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import journal, schedule
from tests.chaos.observer import observe
from tests.chaos.retake import Retake
from tests.chaos.scorer import Scorer
from tests.chaos.world import Mortal, Sandbox, dying

_MARK = "CHAOS_RUN"
"""Variable by which processes of a run are known."""


@dataclass
class Seen:
    complaints: list[str]
    met: Counter[str]
    """What happened in the run: faults that struck, stops and deaths, verdicts."""


def chaos(seed: int, scorer: str) -> Seen:
    """Run one seed to its end. `scorer` may serve other runs too."""
    drawn = schedule.draw(seed)
    mark = {_MARK: uuid.uuid4().hex}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        root = Path(folder)
        sandboxes = []
        for number, faults in enumerate(drawn.servers):
            sandbox = Sandbox(root / f"server-{number}", faults)
            stack.callback(sandbox.stop)
            sandboxes.append(sandbox)
        retake = Retake(root / "out", drawn, **mark)
        own: str | None = scorer
        scorers: list[Mortal] = [retake]
        with contextlib.ExitStack() as deaths:
            deaths.enter_context(dying(sandboxes[-1], drawn.server_outages))
            if drawn.scorer == "separate":
                separate = Scorer()
                scorers.append(separate)
                stack.callback(separate.kill)
                deaths.enter_context(dying(separate, drawn.scorer_outages))
                own = separate.url
            elif drawn.scorer == "child":
                deaths.enter_context(dying(retake, drawn.scorer_outages))
                own = None
            retake.run([sandbox.url for sandbox in sandboxes], own)
        wrong = [*retake.complaints, *_left_behind(mark[_MARK])]
        wrong += observe(retake.out, sandboxes, scorer)
        met = Counter(retake.stopped)
        met["scorer killed"] += sum(mortal.deaths for mortal in scorers)
        for sandbox in sandboxes:
            met.update(e["fault"] for e in sandbox.log() if e["event"] == "fault")
            met["server killed"] += sandbox.deaths
        for entry in journal.read(retake.out):
            met.update(f"-> {attempt['verdict']}" for attempt in entry.attempts)
    return Seen([f"{complaint}; {drawn}" for complaint in wrong], met)


def _left_behind(mark: str) -> list[str]:
    """Processes of Retake that live on. Those it has left a moment ago may still be ending."""
    end = time.monotonic() + 8
    while (left := _marked(mark)) and time.monotonic() < end:
        time.sleep(0.1)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return [f"process {pid} was left behind: {command}" for pid, command in left.items()]


def _marked(mark: str) -> dict[int, str]:
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{_MARK}={mark}".encode() in (process / "environ").read_bytes():
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found[int(process.name)] = command
    return found
