"""`status` as a user runs it: what it tells of a journal's targets and of their attempts."""

import asyncio
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.journal import Journal
from orchestrator.models import Attempt, Ending, Mutation, Target, Verdict
from tests.processes import retake
from tests.unit.nouns import attempt, target

DONE = target(budget=5).model_copy(update={"id": "done", "prompt": "a [red] circle"})
LEFT = target(budget=3).model_copy(update={"id": "left", "prompt": "a blue square"})


def of(target: Target, attempt: Attempt, **changes: Any) -> Attempt:
    prompt_id = f"{target.id}/{attempt.number}"
    return attempt.model_copy(update={"prompt_id": prompt_id, **changes})


@pytest.fixture
async def out(tmp_path: Path) -> Path:
    """A folder with one target that was exhausted, and one that was left in its first attempt."""
    folder = tmp_path / "retake-out" / ".retake"
    folder.mkdir(parents=True)
    mutation = Mutation(seed=7, weights={"blue": 1.2})
    async with Journal(folder / "journal.db") as journal:
        await journal.add_target(DONE, {})
        for ended in (
            of(DONE, attempt(1, Verdict.BELOW_GATE, 21.5), gpu_seconds=4.25),
            of(DONE, attempt(2, Verdict.BELOW_GATE, 24.5, 19.0), mutation=mutation),
            of(DONE, attempt(3, Verdict.OUT_OF_MEMORY), message="[VAE] asked for 9 GB"),
        ):
            await journal.begin(DONE, of(DONE, attempt(ended.number, None)))
            await journal.end(DONE, ended)
        await journal.end_target(DONE, Ending.EXHAUSTED)
        await journal.add_target(LEFT, {})
        await journal.begin(LEFT, of(LEFT, attempt(1, None)))
    return tmp_path


def told(cwd: Path, *arguments: str) -> list[str]:
    done = retake("status", *arguments, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.rstrip() for line in done.stdout.splitlines()]


async def told_meanwhile(cwd: Path, *arguments: str) -> list[str]:
    return await asyncio.to_thread(told, cwd, *arguments)


def test_a_table_of_targets(out: Path) -> None:
    heading, done, left = told(out)
    assert heading.split() == ["target", "state", "attempts", "best", "when", "prompt"]
    assert done.startswith("done    exhausted              2 of 5    24.5  20")
    assert done.endswith("  a [red] circle")
    assert left.startswith("left    waiting to be resumed  1 of 3")


def test_a_line_of_json_for_each_target(out: Path) -> None:
    done, left = map(json.loads, told(out, "--json"))
    assert done.pop("created_at") < done.pop("ended_at")
    assert done == {
        "target": "done",
        "state": "exhausted",
        "runner": None,
        "prompt": "a [red] circle",
        "gate": "clip>=28",
        "want": 1,
        "accepted": 0,
        "attempts": 2,
        "budget": 5,
        "best": {"clip": 24.5},
    }
    assert (left["state"], left["best"], left["ended_at"]) == ("waiting", None, None)


async def test_who_runs_a_target(out: Path) -> None:
    async with Journal(out / "retake-out" / ".retake" / "journal.db") as journal:
        await journal.claim(LEFT)
        people, machines = await told_meanwhile(out), await told_meanwhile(out, "--json")
    assert f"running: process {os.getpid()} on {socket.gethostname()}" in people[2]
    left = json.loads(machines[1])
    assert left["state"] == "running"
    assert left["runner"] == {"pid": os.getpid(), "host": socket.gethostname()}


def test_the_attempts_of_one_target(out: Path) -> None:
    lines = told(out, "done")
    assert lines[1].startswith("done    exhausted")
    assert [line.split("  ")[0] for line in lines[3:]] == ["1", "2", "3"]
    first, second, third = (" ".join(line.split()) for line in lines[3:])
    assert first == "1 below gate 21.5 4.2 s seed 1"
    assert second == "2 below gate 24.5 0.0 s seed 7 · (blue:1.2)"
    assert third == "3 out of memory 0.0 s seed 3 [VAE] asked for 9 GB"


def test_the_attempts_of_one_target_as_json(out: Path) -> None:
    attempts = [json.loads(line) for line in told(out, "done", "--json")]
    assert [a["verdict"] for a in attempts] == ["below_gate", "below_gate", "out_of_memory"]
    assert attempts[1] == {
        "attempt": 2,
        "verdict": "below_gate",
        "scores": {"clip": 24.5},
        "mutation": {"seed": 7, "weights": {"blue": 1.2}},
        "repeats": None,
        "gpu_seconds": 0.0,
        "server": "http://s",
        "prompt_id": "done/2",
        "message": "",
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody"], "no target 'nobody' below retake-out"),
        (["--out", "elsewhere"], "no journal below elsewhere; say where with --out"),
    ],
)
def test_what_is_not_there(out: Path, arguments: list[str], says: str) -> None:
    done: subprocess.CompletedProcess[str] = retake("status", *arguments, cwd=out)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
