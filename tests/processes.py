"""Real processes for tests: commands that run to their end, and servers that live for a while."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def retake(*arguments: object, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `python -m orchestrator …` to its end, as a user would in `cwd`."""
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        **options,
    )


@contextlib.contextmanager
def serving(*arguments: object) -> Iterator[str]:
    """Run `python -m …` that prints its URL when ready; it ends with the block, or with us."""
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments), "--exit-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
        assert process.stdin is not None
        process.stdin.close()


def children_of(pid: int) -> list[int]:
    """Ids of the processes that a process has started and that still live."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,stat=,comm=", "--ppid", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [int(pid) for pid, state, name in rows if "Z" not in state and name != "ps"]
