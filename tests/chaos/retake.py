"""Retake's own processes in a chaos run: ended before their time, and started again to the end."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.chaos import folder, journal
from tests.chaos.schedule import Schedule, Sight, Stop
from tests.processes import ROOT, children_of

BUDGET = 4
PATIENCE_SECONDS = 120


class Retake:
    """`submit`, and `resume` as often as needed, in a folder of their own."""

    def __init__(self, out: Path, schedule: Schedule, **environment: str) -> None:
        self.out = out
        self.complaints: list[str] = []
        self.stopped: list[str] = []
        self.deaths = 0
        """Of the scorer that is its own."""
        self._schedule = schedule
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[str] | None = None

    def run(self, servers: Sequence[str], scorer: str | None) -> None:
        """Until every target has ended, and a process too by itself; or patience has."""
        self.out.mkdir()
        (self.out / "retake.toml").write_text("answer_seconds = 2\npoll_seconds = 0.5\n")
        stops, end = list(self._schedule.stops), time.monotonic() + PATIENCE_SECONDS
        entries: list[journal.Entry] = []
        code = 0
        while code < 0 or not entries or not all(entry.ending for entry in entries):
            if time.monotonic() > end:
                self.complaints.append("not ended")
                return
            command = ["resume"] if entries else self._submit(servers, scorer)
            self._start(command)
            code, told = self._to_its_end(stops.pop(0) if stops else None, end)
            if code == 2:  # what it needs is not up
                time.sleep(0.5)
            entries = journal.read(self.out)
            self.complaints += folder.whole(self.out, entries)
            if "Traceback" in told:
                self.complaints.append(f"a traceback: {told[-300:]}")
            if code in (0, 3) and not all(entry.ending for entry in entries):
                self.complaints.append(f"exit code {code} though nothing has ended: {told[-300:]}")

    def _submit(self, servers: Sequence[str], scorer: str | None) -> list[str]:
        given = self._schedule
        return [
            *("submit", str(ROOT / "workflows/sd15.json"), "--prompt", "a red circle"),
            *(word for server in servers for word in ("--server", server)),
            *(("--scorer", scorer) if scorer else ("--model", "scenes")),
            *("--set", f"Size.width={given.size}", "--set", f"Size.height={given.size}"),
            *("--set", "Sampler.steps=8", "--seed", str(given.seed), "--budget", str(BUDGET)),
            *("--gate", given.gate, "--want", str(given.want)),
        ]

    def _start(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *command, "--out", "."],
            cwd=self.out,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )

    def _to_its_end(self, stop: Stop | None, end: float) -> tuple[int, str]:
        """Its exit code, and what it said."""
        process = self._process
        assert process is not None
        if stop is not None and self._reached(stop, process):
            self.stopped.append(stop.how)
            match stop.how:
                case "kill":
                    process.kill()
                case "ctrl_c":
                    process.send_signal(signal.SIGINT)
                case "full_disk":
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (stop.room, -1))
        try:
            _, told = process.communicate(timeout=max(1.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            _, told = process.communicate()
        return process.returncode, told

    def _reached(self, stop: Stop, process: subprocess.Popen[str]) -> bool:
        """Wait for the moment; whether it came before the process was over."""
        if isinstance(stop.at, float):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(stop.at)
            return process.poll() is None
        before = set(self._seen(stop.at))
        while process.poll() is None:
            if not before.issuperset(self._seen(stop.at)):
                time.sleep(stop.later)
                return process.poll() is None
            time.sleep(0.0005)
        return False

    def _seen(self, sight: Sight) -> Iterator[str]:
        hidden = self.out / ".retake"
        with contextlib.suppress(FileNotFoundError):
            match sight:
                case "published":
                    yield from os.listdir(self.out)
                case "stored":
                    for target in os.listdir(hidden / "pictures"):
                        yield from os.listdir(hidden / "pictures" / target)
                case "accepted":
                    if b'"accepted"' in (hidden / "journal.db-wal").read_bytes():
                        yield sight

    # A scorer that is Retake's own child dies with `world.dying`.

    def kill(self) -> None:
        for child in children_of(self._process.pid) if self._process else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
                self.deaths += 1

    def start_again(self) -> None:
        """Retake does."""
