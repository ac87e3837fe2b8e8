"""The sandbox's options. Light to import, so that a command line can be built without a server."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How a sandbox is started. Port 0 is any free one."""

    host: str = "127.0.0.1"
    port: int = 0
    seconds_per_step: float = 0.01
    preview_method: str = "latent2rgb"
    """`none` or `latent2rgb`."""
    output: Path | None = None
    """Where saved images go; by default a temporary folder, which goes with the sandbox."""
    exit_with_parent: bool = False
    """End when stdin reaches its end, so that a child is never left behind."""
    faults: Path | None = None
    """A JSON list of faults to be armed from the start."""
