"""One simulated websocket, both ends of it, and what goes wrong on the way."""

import asyncio

from tests.simulation.processes import in_world
from tests.simulation.schedule import SocketFaults
from tests.simulation.server import Session, SimServer

LATENCY = 0.002
"""One way, in seconds."""
PING = 80.0
"""Until pings find out that nobody is there."""


class Socket:
    """Both ends of one websocket."""

    def __init__(
        self,
        server: SimServer,
        client_id: str,
        faults: SocketFaults,
        number: int,
        patience: float,
    ) -> None:
        self.faults = faults
        self.session = Session(client_id, self._deliver)
        self.seen_closed = False
        """By the server."""
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._number = number
        self._patience = patience
        self._told = self._loop.time()
        self._frames: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._count = 0
        self._held: str | bytes | None = None
        self._ended = False

    async def send(self, text: str) -> None:
        self._check()
        in_world(self._server.first_message, self.session)

    async def receive(self) -> str | bytes:
        if self._frames.empty():
            self._check()
        frame = await self._frames.get()
        if frame is None:
            raise ConnectionError("no close frame received")
        return frame

    async def close(self) -> None:
        if not self._ended:
            await asyncio.sleep(LATENCY)
            in_world(self.end, 0.0)

    def end(self, lag: float) -> None:
        """The connection breaks; the server sees it `lag` seconds later."""
        if self._ended:
            return
        self._ended = True
        self._frames.put_nowait(None)
        self._loop.call_later(lag, self._close_seen)

    def vanish(self) -> None:
        """The server is gone, and knows nothing of the connection any more."""
        self.seen_closed = True
        if self.faults.half_open:
            self._loop.call_later(PING, self.end, 0.0)
        else:
            self.end(0.0)

    def _close_seen(self) -> None:
        if not self.seen_closed:
            self.seen_closed = True
            self._server.closed(self.session)

    def _check(self) -> None:
        if self._ended:
            raise ConnectionError("closed")

    def _deliver(self, frame: str | bytes) -> None:
        if self._ended or self.seen_closed:
            return
        if isinstance(frame, str) and "feature_flags" in frame:
            self._frames.put_nowait(frame)  # part of opening, as the greeting
            return
        self._count += 1
        faults, truth = self.faults, self._server.truth
        if faults.zombie is not None and self._count >= faults.zombie:
            if self._count == faults.zombie:
                truth.fault(f"websocket {self._number} goes silent")
                if faults.half_open:
                    self._loop.call_later(PING, self.end, faults.close_lag)
            self._check_trust()
            return
        self._told = self._loop.time()
        if faults.drop == self._count:
            truth.fault(f"websocket {self._number} breaks at frame {self._count}")
            self.end(faults.close_lag)
            return
        if self._count in faults.lost:
            truth.fault(f"websocket {self._number} loses frame {self._count}")
            return
        if self._count in faults.swapped:
            truth.fault(f"websocket {self._number} delays frame {self._count}")
            self._held = frame
            return
        self._frames.put_nowait(frame)
        if self._count in faults.twice:
            self._frames.put_nowait(frame)
        if self._held is not None:
            self._frames.put_nowait(self._held)
            self._held = None

    def _check_trust(self) -> None:
        """Nobody goes on with a silent websocket while a prompt runs that it should tell of."""
        running, truth = self._server.running, self._server.truth
        if running is None or running.client_id != self.session.client_id:
            return
        if not truth.fates[running.id].started:
            return
        since = max([self._told, *truth.fates[running.id].started])
        silent = self._loop.time() - since
        if silent > self._patience and running.id not in truth.unwatched:
            truth.violate(f"websocket {self._number} is trusted after {silent:.0f} s of silence")
