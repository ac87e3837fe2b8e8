"""How long a client waits, and how often it asks: values only, all in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    connect: float = 5.0
    """For a connection, HTTP or websocket, and for the server's first word on the latter."""
    read: float = 30.0
    """For each piece of an HTTP answer. ComfyUI answers late while it loads a model."""
    ping: float = 60.0
    """For the answer to a websocket ping, for the same reason."""
    poll: float = 3.0
    """Between two looks into `/queue` and `/history` while a prompt is followed."""
    trail: float = 30.0
    """For the websocket's last frames, once the history says that a prompt is over."""
    settle: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    """Delays before each look for a prompt whose POST was not answered."""
    retry: tuple[float, ...] = (0.25, 0.5, 1.0)
    """Delays before each further try of a GET or of a failed connect."""
    reconnect: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
    """Delays before each try to open the websocket again; the last one repeats."""
    gone: float = 120.0
    """Without any answer for so long, the server is given up."""
