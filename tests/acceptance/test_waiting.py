"""A run says what it waits for: a server that went down, a scorer that is down."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ROOT, Server

SD15 = ROOT / "workflows" / "sd15.json"
FLAGS = ["--set", "Size.width=64", "--set", "Size.height=64", "--gate", "clip>=44.9"]


@pytest.fixture
def slow() -> Iterator[Server]:
    server = Server("orchestrator", "sandbox", "--port", 0, "--seconds-per-step", 0.1)
    yield server
    server.stop()


@pytest.fixture
def judge() -> Iterator[Server]:
    server = Server("scorer", "--model", "scenes", "--port", 0)
    yield server
    server.stop()


def told(cwd: Path, server: Server, judge: Server, dies: Server) -> list[str]:
    """What `submit` tells of a run during which one of the two dies and comes back."""
    (cwd / "retake.toml").write_text("answer_seconds = 2\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "submit", str(SD15), *FLAGS, "--budget", "3",
         "--server", server.url, "--scorer", judge.url],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line.rstrip())
        if line.startswith("#1 "):
            dies.kill()
        if " on disk" in line or "waiting for it" in line:
            dies.start_again()
    process.communicate()
    assert process.returncode == 3, lines
    return lines


def test_for_a_server(tmp_path: Path, slow: Server, judge: Server) -> None:
    lines = told(tmp_path, slow, judge, dies=slow)
    assert lines.count(f"server {slow.url} does not answer: waiting for it") == 1
    assert lines.count(f"{slow.url} answers again") == 1
    assert "below gate" in lines[-1]


def test_for_a_scorer(tmp_path: Path, slow: Server, judge: Server) -> None:
    lines = told(tmp_path, slow, judge, dies=judge)
    [wait] = [line for line in lines if "on disk" in line]
    assert wait == (
        f"the scorer at {judge.url} does not answer (ConnectError): 1 picture waits on disk"
    )
    assert lines[lines.index(wait) + 1] == f"{judge.url} answers again"
    judged = [line.split()[0] for line in lines if "below gate" in line]
    assert sorted(judged) == ["#1", "#2", "#3"]
