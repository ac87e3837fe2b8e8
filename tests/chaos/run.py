"""One chaos run with real processes, and what an observer who saw all must find."""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
from PIL import Image

from tests.chaos.faults import draw_faults, draw_kills
from tests.processes import ROOT, serving

BUDGET = 4
PATIENCE_SECONDS = 90
FORGETFUL = {"forget_queue", "restart"}
"""Faults after which a server may have to generate a picture again."""


def chaos(seed: int, scorer: str) -> list[str]:
    """Run one seed to its end; returns what was found wrong."""
    rng = Random(seed)
    faults, kills = draw_faults(rng), draw_kills(rng)
    sandbox = ("orchestrator", "sandbox", "--port", 0, "--seconds-per-step", 0.03)
    with tempfile.TemporaryDirectory() as folder, serving(*sandbox) as server:
        httpx.post(f"{server}/_sandbox/faults", json=faults).raise_for_status()
        out = Path(folder)
        code = _run_to_its_end(rng, out, server, scorer, kills)
        wrong = list(_observe(code, out, server, {fault["fault"] for fault in faults}))
    return [f"{complaint}; faults {faults}, kills {kills}" for complaint in wrong]


def _run_to_its_end(rng: Random, out: Path, server: str, scorer: str, kills: list[float]) -> int:
    command = [
        *("submit", str(ROOT / "workflows/sd15.json"), "--server", server, "--scorer", scorer),
        *("--set", "Size.width=64", "--set", "Size.height=64", "--set", "Sampler.steps=8"),
        *("--budget", str(BUDGET), "--seed", str(rng.getrandbits(32))),
        *("--gate", rng.choice(["clip>=25", "clip>=44.9"]), "--prompt", "a red circle"),
    ]
    (out / "retake.toml").write_text("answer_seconds = 2\npoll_seconds = 0.5\n")
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *command, "--out", "."],
            cwd=out, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            process.communicate(timeout=kills.pop(0) if kills else end - time.monotonic())
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            if time.monotonic() > end:
                return -9
        if process.returncode in (0, 3) and (out / ".retake/journal.db").exists():
            return process.returncode
        if (out / ".retake/journal.db").exists() and _status(out):
            command = ["resume"]
        if time.monotonic() > end:
            return process.returncode


def _observe(code: int, out: Path, server: str, faults: set[str]) -> Iterator[str]:
    if code not in (0, 3):
        yield f"not ended: exit code {code}"
        return
    (target,) = _status(out)
    if target["state"] not in ("accepted", "exhausted"):
        yield f"target is {target['state']}"
    verdicts = [attempt["verdict"] for attempt in _status(out, target["target"])]
    judged = sum(verdict in ("accepted", "below_gate") for verdict in verdicts)
    if judged > BUDGET or (target["state"] == "exhausted" and judged < BUDGET):
        yield f"{target['state']} with {judged} pictures judged of {BUDGET}: {verdicts}"
    for picture in out.glob("*.png"):
        with Image.open(picture) as image:
            image.load()
    if not [*out.glob("*.png")]:
        yield "no picture was kept"

    queue = httpx.get(f"{server}/queue").json()
    log = httpx.get(f"{server}/_sandbox/log").json()
    ours = {e["prompt_id"] for e in log if e["event"] == "accepted"} - {
        e["prompt_id"] for e in log if e.get("client_id") == "somebody-else"
    }
    left = {entry[1] for entry in queue["queue_running"] + queue["queue_pending"]} & ours
    if left:
        yield f"left behind in the queue: {left}"
    for event in ("accepted", "started"):
        times = Counter(e["prompt_id"] for e in log if e["event"] == event)
        yield from (f"{id} was {event} {n} times" for id, n in times.items() if n > 1)
    asked = [e for e in log if e["event"] in ("interrupt", "deleted")]
    touched = {e.get("prompt_id") for e in asked if e["by"] != "somebody-else"}
    if touched - ours - {None}:
        yield f"prompts of others were touched: {touched - ours}"
    if not faults & FORGETFUL:
        finished = [e["prompt_id"] for e in log if e["event"] == "finished"]
        seeds = Counter(_seed(server, prompt_id) for prompt_id in finished if prompt_id in ours)
        yield from (f"seed {seed} was generated {n} times" for seed, n in seeds.items() if n > 1)


def _status(out: Path, *target: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "status", *target, "--out", ".", "--json"],
        cwd=out, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def _seed(server: str, prompt_id: str) -> int:
    truth = httpx.get(f"{server}/_sandbox/truth/{prompt_id}").json()
    return int(truth["pictures"][0]["settings"]["seed"])
