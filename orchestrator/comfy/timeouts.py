"""How long a client waits, and how often it asks: values only, all in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    connect: float = 5.0
    """For a connection, HTTP or websocket, and for the server's first word on the latter."""
    read: float = 30.0
    """For each piece of an HTTP answer. ComfyUI answers late while it loads a model."""
    answer: float = 300.0
    """For a whole HTTP answer, however slowly it drips."""
    ping: float = 60.0
    """For the answer to a websocket ping, for the same reason."""
    poll: float = 3.0
    """Between two looks into `/queue` and `/history` while prompts are followed and heard of."""
    apart: float = 1.0
    """Between two looks at the least, whoever asks for one, and between those of prompts that the
    websocket says nothing of."""
    silence: float = 60.0
    """Without a frame for so long while a prompt of ours runs, the websocket is not trusted.
    Loading a model may take as long; the prompt then goes on, told by looks alone."""
    trail: float = 30.0
    """For the websocket's last frames, once the history says that a prompt is over."""
    cancel: float = 10.0
    """For a cancelled prompt to be gone. It stops at the sampler's next step."""
    retry: tuple[float, ...] = (0.25, 0.5, 1.0)
    """Delays before each further try of a GET or of a failed connect."""
    reconnect: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
    """Delays before each try to open the websocket again; the last one repeats."""
    gone: float = 120.0
    """Without any answer for so long, the server is given up."""
