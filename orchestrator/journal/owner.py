"""Who runs a target: one process, told from all others, and whether it is known to have died.

A process id means something only in the boot and the namespace that gave it, and there it can be
given again: so an owner names them, and when its process began. Of processes of other machines and
containers nothing is known here; `ownership` tells those by their heartbeats.
"""

import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Owner:
    id: str
    """New with each start, so that a process is never taken for one before it."""
    pid: int
    host: str
    """Name of the machine, for people."""
    kernel: str
    """What `pid` belongs to: this boot of a machine, this namespace of process ids."""
    started: str
    """When the process began, in the kernel's words; empty where they can't be had."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def has_died(self) -> bool:
        """Whether the process is known to have ended; False when that can't be told from here."""
        if self.kernel != _kernel():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # another user's, about whom the kernel may tell nothing more
            return False
        return _started(self.pid) != self.started


def this_process() -> Owner:
    pid = os.getpid()
    return Owner(str(uuid.uuid4()), pid, socket.gethostname(), _kernel(), _started(pid))


def _kernel() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink(_PROC / 'self/ns/pid')}"
    except OSError:  # no Linux: then one namespace a machine
        return socket.gethostname()


def _started(pid: int) -> str:
    """Clock ticks from boot to the start of a process; a zombie has ended, and has none."""
    try:
        # The second field is the command's name, which may hold spaces and brackets.
        state, *fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else fields[18]
