"""Whether a prompt is on its server at all: when its absence is to be believed. Pure.

A look that finds a prompt in neither queue nor history may mean that the server has lost it, and
then it must be sent again. Sent again while the first one still comes, it is generated twice. So:

- What the server has confirmed once (a 200, an event, a place in its queue) is lost when two looks
  in a row miss it. One look alone may fall between the queue and a history that lags.
- A POST that was not answered may still be on its way: in the buffers of a server that is busy, or
  in a proxy that waits for one. A direct connection is emptied before later requests are answered,
  but a proxy's may not be. What holds a request back for longer than a request may take, while
  others are answered all the time, is not a server to be reckoned with; so absence counts once the
  server has answered every look for that long, from when the POST failed. A look that failed
  starts the time anew: a server that was down or stuck meanwhile has taken nothing in.
- An attempt of an earlier process is treated the same: nobody knows how its POST ended.
"""

from dataclasses import dataclass

_LOOKS = 2
"""So many in a row must miss a prompt."""


@dataclass(slots=True)
class Presence:
    since: float | None = None
    """From when the server may have it; None: it was not sent yet."""
    seen: float | None = None
    """When the server was last known to have it, or to have had it."""
    misses: int = 0
    """Looks in a row, begun since then, that found it nowhere."""

    @property
    def certain(self) -> bool:
        return self.seen is not None

    def suspect(self, now: float) -> None:
        """It was sent, and nobody knows whether it arrived."""
        self.since = now

    def confirm(self, now: float) -> None:
        self.since = now if self.since is None else self.since
        self.seen, self.misses = now, 0

    def miss(self, looked: float, answering_since: float, late: float) -> bool:
        """One more look, begun at `looked`, found it nowhere. Returns whether to believe that.

        `answering_since`: from when the server has answered every look; `late`: how long, in
        seconds, a request may take.
        """
        if self.since is None or (self.seen is not None and looked < self.seen):
            return False
        self.misses += 1
        late_enough = looked - max(self.since, answering_since) > late
        return self.misses >= _LOOKS and (self.certain or late_enough)
