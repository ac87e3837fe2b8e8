"""Ctrl-C and SIGKILL of `submit`: nothing is left behind, and `resume` goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes import ROOT, children_of, retake, serving

SD15 = ROOT / "workflows" / "sd15.json"
FLAGS = ["--set", "Size.width=64", "--set", "Size.height=64", "--gate", "clip>=44.9"]


@pytest.fixture(scope="module")
def slow() -> Iterator[str]:
    """A sandbox whose pictures take two seconds."""
    with serving("orchestrator", "sandbox", "--port", 0, "--seconds-per-step", 0.1) as url:
        yield url


def started(cwd: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "submit", str(SD15), *FLAGS, "--json-stream",
         *map(str, arguments)],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def until_step(process: subprocess.Popen[str], number: int) -> None:
    """Read events until attempt `number` is being sampled."""
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event.get("event") == "attempt_step" and event["number"] == number:
            return
    raise AssertionError("ended before that")


def eventually(true: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def idle(server: str) -> bool:
    queue = httpx.get(f"{server}/queue").json()
    return not (queue["queue_running"] or queue["queue_pending"])


def submitted_prompts(server: str) -> list[str]:
    log: list[dict[str, Any]] = httpx.get(f"{server}/_sandbox/log").json()
    return [entry["prompt_id"] for entry in log if entry["event"] == "accepted"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_cancels_ours_and_says_how_to_resume(
    tmp_path: Path, slow: str, scorer: str, number: signal.Signals
) -> None:
    process = started(tmp_path, "--server", slow, "--scorer", scorer, "--budget", 2)
    until_step(process, 1)
    process.send_signal(number)
    _, told = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "python -m orchestrator resume --out retake-out" in told
    assert eventually(lambda: idle(slow), 2)

    done = retake("resume", "--json", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["verdict"], summary["attempts"]) == ("exhausted", 2)
    assert retake("resume", cwd=tmp_path).returncode == 0


def test_after_sigkill_the_running_prompt_is_found_again(
    tmp_path: Path, slow: str, scorer: str
) -> None:
    before = len(submitted_prompts(slow))
    process = started(tmp_path, "--server", slow, "--scorer", scorer, "--budget", 2)
    until_step(process, 1)
    process.kill()
    process.communicate()
    done = retake("resume", "--json", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["attempts"] == 2
    assert len(submitted_prompts(slow)) - before == 2


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().split()[2] != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_own_sandbox_and_scorer_are_never_left_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = started(tmp_path, "--sandbox", "--budget", 50)
    until_step(process, 1)
    pids = children_of(process.pid)
    assert len(pids) == 2
    process.send_signal(number)
    process.communicate(timeout=20)
    assert eventually(lambda: not any(map(alive, pids)))


def test_a_scorer_that_dies_is_revived_and_nothing_is_generated_again(
    tmp_path: Path, slow: str
) -> None:
    before = len(submitted_prompts(slow))
    process = started(tmp_path, "--server", slow, "--model", "scenes", "--budget", 3)
    until_step(process, 1)
    (scorer,) = children_of(process.pid)
    os.kill(scorer, signal.SIGKILL)
    told, trouble = process.communicate(timeout=60)
    assert process.returncode == 3, trouble
    summary = json.loads(told.splitlines()[-1])
    assert (summary["verdict"], summary["attempts"]) == ("exhausted", 3)
    assert "clip" in summary["best"]["scores"]
    assert len(submitted_prompts(slow)) - before == 3


def test_two_resumes_never_run_one_target_twice(tmp_path: Path, slow: str, scorer: str) -> None:
    process = started(tmp_path, "--server", slow, "--scorer", scorer, "--budget", 3)
    until_step(process, 1)
    process.kill()
    process.communicate()
    before = len(submitted_prompts(slow))
    resume = [sys.executable, "-m", "orchestrator", "resume", "--json"]
    both = [
        subprocess.Popen(
            resume, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=60) for process in both]
    assert sorted(process.returncode for process in both) == [0, 3], told
    assert sum("left alone: target" in trouble for _, trouble in told) == 1
    assert len(submitted_prompts(slow)) - before <= 2
