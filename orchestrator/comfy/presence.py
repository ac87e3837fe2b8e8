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
    certain: bool = False
    """The server has, or had, it."""
    misses: int = 0
    """Looks in a row that found it nowhere."""

    def suspect(self, now: float) -> None:
        """It was sent, and nobody knows whether it arrived."""
        self.since = now

    def confirm(self) -> None:
        self.since, self.certain, self.misses = self.since or 0.0, True, 0

    def miss(self, looked: float, answering_since: float, late: float) -> bool:
        """One more look, begun at `looked`, found it nowhere. Returns whether to believe that.

        `answering_since`: from when the server has answered every look; `late`: how long, in
        seconds, a request may take.
        """
        self.misses += 1
        if self.since is None or self.misses < _LOOKS:
            return False
        return self.certain or looked - max(self.since, answering_since) > late
