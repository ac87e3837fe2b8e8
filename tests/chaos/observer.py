"""What must hold when a chaos run is over, found by an observer who saw all the servers did.

It reads the journal and the folder as they lie, the sandboxes' logs, and the pictures that the
sandboxes saved; it asks Retake nothing.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.chaos import folder, journal
from tests.chaos.faults import FORGETFUL
from tests.chaos.retake import BUDGET
from tests.chaos.world import Sandbox

_STRANGER = "somebody-else"
_PAID = ("accepted", "below_gate")
Attempt = dict[str, Any]


def observe(out: Path, sandboxes: Sequence[Sandbox], scorer: str) -> Iterator[str]:
    """Complaints."""
    entries = journal.read(out)
    if [entry.ending for entry in entries] not in (["accepted"], ["exhausted"]):
        ends = [(e.ending, [(a["verdict"], a["message"]) for a in e.attempts]) for e in entries]
        yield f"ended otherwise: {ends}"
        return
    (entry,) = entries
    yield from _of_budget(entry)
    yield from _of_leftovers(out)
    saved = {
        hashlib.sha256(path.read_bytes()).hexdigest(): path
        for sandbox in sandboxes
        for path in sandbox.output.rglob("*.png")
    }
    yield from _of_pictures(out, entry, saved, scorer)
    attempts = {attempt["prompt_id"]: attempt for attempt in entry.attempts}
    for sandbox in sandboxes:
        yield from _of_prompts(sandbox, attempts)
    yield from _of_generations(entry, sandboxes, saved)


def _of_budget(entry: journal.Entry) -> Iterator[str]:
    verdicts = [attempt["verdict"] for attempt in entry.attempts]
    judged = sum(verdict in _PAID for verdict in verdicts)
    passed = sum(picture["passed"] for picture in entry.pictures)
    if judged > BUDGET or (entry.ending == "exhausted" and judged < BUDGET):
        yield f"{entry.ending} with {judged} pictures judged of {BUDGET}: {verdicts}"
    if (entry.ending == "accepted") != (passed >= entry.target["want"]):
        yield f"{entry.ending} with {passed} accepted of {entry.target['want']}: {verdicts}"


def _of_leftovers(out: Path) -> Iterator[str]:
    if left := [*(out / ".retake/pictures").glob("*")]:
        yield f"pictures of an ended target were kept: {left}"
    if left := [path for path in out.rglob("*") if "tmp" in path.name]:
        yield f"temporary files were left: {left}"


def _of_pictures(
    out: Path, entry: journal.Entry, saved: dict[str, Path], scorer: str
) -> Iterator[str]:
    """Published is what was accepted, or else the best: whole, as it was made, worth its score."""
    scored = [p for p in entry.pictures if p["scores"]]
    wanted = [p for p in scored if p["passed"]]
    wanted = wanted or [max(scored, key=lambda p: float(p["scores"]["clip"]["value"]))]
    files = {picture["file"] for picture in wanted}
    there = {path.name for path in out.glob("*.png")}
    if files != there:
        yield f"published are {there}, wanted {files}"
    seeds = {
        picture["sha256"]: attempt["mutation"]["seed"]
        for attempt in entry.attempts
        for picture in attempt["pictures"]
    }
    (condition,) = entry.target["gate"]["conditions"]
    for picture in wanted:
        if picture["file"] not in there:
            continue
        data = (out / picture["file"]).read_bytes()
        came = folder.as_it_came(data)
        sha256 = hashlib.sha256(came).hexdigest()
        if sha256 != picture["sha256"] or sha256 not in saved:
            yield f"{picture['file']} is not as a server made it"
            continue
        record = json.loads((out / picture["file"]).with_suffix(".json").read_bytes())
        if json.loads(folder.text(data, "retake")) != record or record["sha256"] != sha256:
            yield f"{picture['file']} and its record do not agree"
        if (seed := _seed(saved[sha256])) != seeds[sha256]:
            yield f"{picture['file']} has seed {seed}, its attempt {seeds[sha256]}"
        value = _score(scorer, came, entry.target["prompt"])
        if abs(value - picture["scores"]["clip"]["value"]) > 0.01:
            yield f"{picture['file']} scores {value}, not {picture['scores']}"
        if picture["passed"] and value < condition["threshold"]:
            yield f"{picture['file']} scores {value} and was accepted at {condition}"


def _of_prompts(sandbox: Sandbox, attempts: dict[str, Attempt]) -> Iterator[str]:
    log = sandbox.log()
    struck = {event["fault"] for event in log if event["event"] == "fault"}
    repeats = "repeat_request" in struck
    happened: dict[str, Counter[str]] = {
        name: Counter(e["prompt_id"] for e in log if e["event"] == name)
        for name in ("accepted", "started", "finished", "failed", "interrupted")
    }
    strangers = {e["prompt_id"] for e in log if e.get("client_id") == _STRANGER}
    if unknown := happened["accepted"].keys() - strangers - attempts.keys():
        yield f"not in the journal: {unknown}"
    for name in ("accepted", "started") if not repeats else ():
        times = happened[name].items()
        yield from (f"{id} was {name} {n} times" for id, n in times if n > 1)
    queue = sandbox.ask("queue")
    left = {entry[1] for entry in queue["queue_running"] + queue["queue_pending"]}
    for name in ("finished", "failed", "interrupted"):  # a late history keeps these in the queue
        left -= happened[name].keys()
    if left & attempts.keys():
        yield f"left behind in the queue: {left & attempts.keys()}"
    asked = [e for e in log if e["event"] in ("interrupt", "deleted") and e["by"] != _STRANGER]
    if touched := {e["prompt_id"] for e in asked} - attempts.keys() - {None}:
        yield f"prompts of others were touched: {touched}"
    if _excused(sandbox):
        return
    for prompt_id in happened["accepted"].keys() & attempts.keys():
        verdict, finished = attempts[prompt_id]["verdict"], happened["finished"][prompt_id]
        if verdict is None or (finished and verdict in ("lost", "no_image")):
            yield f"{prompt_id} was {'finished' if finished else 'accepted'}, and is {verdict}"


def _excused(sandbox: Sandbox) -> bool:
    """Whether it has forgotten, or could not hand out, what it made."""
    faults = [event for event in sandbox.log() if event["event"] == "fault"]
    pictures = any(fault.get("path", "").endswith("/view") for fault in faults)
    return pictures or sandbox.deaths > 0 or any(f["fault"] in FORGETFUL for f in faults)


def _of_generations(
    entry: journal.Entry, sandboxes: Sequence[Sandbox], saved: dict[str, Path]
) -> Iterator[str]:
    """No seed was generated twice, unless a server forgot, or could not hand out, what it made."""
    if any(map(_excused, sandboxes)):
        return
    ours = {attempt["mutation"]["seed"] for attempt in entry.attempts}
    cancelled = {
        a["mutation"]["seed"] for a in entry.attempts if a["verdict"] == "interrupted_by_us"
    }
    seeds = Counter(map(_seed, saved.values()))
    for seed in ours - cancelled:
        if seeds[seed] > 1:
            yield f"seed {seed} was generated {seeds[seed]} times"


def _seed(path: Path) -> int:
    """With which a sandbox made a picture."""
    graph = json.loads(folder.text(path.read_bytes(), "prompt"))
    (seed,) = [node["inputs"]["seed"] for node in graph.values() if "seed" in node["inputs"]]
    return int(seed)


def _score(scorer: str, image: bytes, prompt: str) -> float:
    answer = httpx.post(f"{scorer}/v1/score", params={"prompt": prompt}, content=image)
    (score,) = answer.raise_for_status().json()["scores"]
    return float(score["value"])
