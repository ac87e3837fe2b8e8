"""The processes that Retake works with in a chaos run: they die, and come back at their ports."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import httpx

from tests.chaos.faults import Fault
from tests.chaos.schedule import Outage
from tests.processes import Server


class Mortal(Protocol):
    deaths: int

    def kill(self) -> None: ...
    def start_again(self) -> None: ...


class Sandbox:
    """A sandbox whose pictures and log outlive it."""

    def __init__(self, output: Path, faults: Sequence[Fault], **environment: str) -> None:
        self.output = output
        self.deaths = 0
        self._past: list[dict[str, Any]] = []
        arguments = ("--port", 0, "--seconds-per-step", 0.03, "--output", output)
        self._server = Server("orchestrator", "sandbox", *arguments, **environment)
        self.url = self._server.url
        self.stop, self.start_again = self._server.stop, self._server.start_again
        httpx.post(f"{self.url}/_sandbox/faults", json=list(faults)).raise_for_status()

    def log(self) -> list[dict[str, Any]]:
        """All that it did, in all its lives."""
        return [*self._past, *self.ask("_sandbox/log")]

    def ask(self, path: str) -> Any:
        """JSON, as soon as it is up."""
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = httpx.get(f"{self.url}/{path}")
                if answer.is_success:
                    return answer.json()
            time.sleep(0.05)

    def kill(self) -> None:
        self._past = self.log()
        self.deaths += 1
        self._server.kill()


@contextlib.contextmanager
def dying(mortal: Mortal, outages: Sequence[Outage]) -> Iterator[None]:
    """Within the block it dies as it is told to. After the block it is alive."""
    over = threading.Event()

    def live() -> None:
        for outage in outages:
            if over.wait(outage.after):
                return
            mortal.kill()
            over.wait(outage.down)
            mortal.start_again()

    with ThreadPoolExecutor(1) as pool:
        lived = pool.submit(live)
        try:
            yield
        finally:
            over.set()
        lived.result()
