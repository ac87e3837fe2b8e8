"""The sandbox's faults as a chaos run arms them: every kind, drawn from a seed.

What they do is said in `orchestrator.sandbox.faults.kinds`.
"""

from collections.abc import Callable
from random import Random
from typing import Any

Fault = dict[str, Any]

FORGETFUL = frozenset({"forget_queue", "restart"})
"""After these a server may have to generate a picture again."""

_POST = {"method": "POST", "path": "/prompt"}
_REQUESTS = [
    *[_POST] * 4,
    {"method": "GET", "path": "/queue"},
    {"method": "GET", "path": "/history/*"},
    {"method": "GET", "path": "/view"},
    {"method": "POST", "path": "/queue"},
    {"method": "POST", "path": "/interrupt"},
]
_TELLING = ["execution_start", "executing", "executed", "execution_success"]
"""Frames whose loss matters."""
_MORE_THAN_TAKEN = 257 * 1024 * 1024


def draw_faults(rng: Random, *, fatal: bool = True) -> list[Fault]:
    """Up to six faults, each at some moment of the run.

    `fatal` ones, rightly so, end a target when they happen to one attempt on two servers.
    """
    often = [*_of_requests(rng), *_of_memory(rng)]
    kinds = [*often, *often, *_of_sockets(rng), *_of_answers(rng), *_of_pictures(rng)]
    kinds += _of_servers(rng)
    if fatal:
        kinds.append(lambda: {"fault": "node_error"})
    return [kind() for kind in rng.sample(kinds, rng.randint(0, 6))]


Kinds = list[Callable[[], Fault]]


def _of_sockets(rng: Random) -> Kinds:
    def frame() -> dict[str, Any]:
        return rng.choice([{"frame": rng.randint(1, 25)}, {"type": rng.choice(_TELLING)}])

    return [
        lambda: {"fault": "drop_socket", "when": frame(), "abort": rng.random() < 0.5,
                 "times": rng.randint(1, 3)},
        lambda: {"fault": "zombie_socket", "when": frame(), "seconds": rng.choice([None, 2.0])},
        lambda: {"fault": "drop_frame", "when": frame(), "times": 3},
        lambda: {"fault": "duplicate", "when": frame(), "times": 3},
        lambda: {"fault": "reorder", "when": frame(), "times": 3},
        lambda: {"fault": "reconnect_bug", "times": 3},
    ]  # fmt: skip


def _request(rng: Random) -> dict[str, Any]:
    return {**rng.choice(_REQUESTS), "nth": rng.randint(1, 3)}


def _of_requests(rng: Random) -> Kinds:
    """What leaves open whether the server has done what it was asked to."""

    def at() -> str:
        return rng.choice(["request", "answer"])

    return [
        lambda: {"fault": "reset", "at": at(), "when": _request(rng)},
        lambda: {"fault": "bad_gateway", "at": at(), "when": _request(rng),
                 "status": rng.choice([502, 503, 504])},
        lambda: {"fault": "never_answer", "at": at(), "when": _request(rng)},
    ]  # fmt: skip


def _of_answers(rng: Random) -> Kinds:
    return [
        lambda: {"fault": "answer_late", "when": _request(rng), "seconds": rng.choice([0.5, 3.0])},
        lambda: {"fault": "answer_twice", "when": _request(rng)},
        lambda: {"fault": "repeat_request"},
    ]


def _of_pictures(rng: Random) -> Kinds:
    return [
        lambda: {"fault": "truncated_image", "announced": rng.choice(["full", "part"]),
                 "keep": rng.uniform(0.01, 0.99)},
        lambda: {"fault": "enormous_image", "size": _MORE_THAN_TAKEN,
                 "announced": rng.random() < 0.5},
        lambda: {"fault": "slow_drip", "chunk": 4096, "seconds": 0.2},
        lambda: {"fault": "wrong_content_type"},
        lambda: {"fault": "html_instead_of_image"},
        lambda: {"fault": "not_found", "times": rng.choice([1, 5])},
    ]  # fmt: skip


def _at_step(rng: Random) -> Fault:
    return {"at": "step", "when": {"step": rng.randint(1, 8), "nth": rng.randint(1, 2)}}


def _of_memory(rng: Random) -> Kinds:
    """What a server forgets, or remembers late."""
    return [
        lambda: {"fault": "history_late", "seconds": rng.choice([0.5, 2.0]), "times": 4},
        lambda: {"fault": "forget_queue", **_at_step(rng)},
        lambda: {"fault": "restart", **_at_step(rng), "downtime": rng.choice([0.0, 1.0]),
                 "while_down": rng.choice(["refuse", "503"]),
                 "keep_history": rng.random() < 0.5},
    ]  # fmt: skip


def _of_servers(rng: Random) -> Kinds:
    return [
        lambda: {"fault": "out_of_memory", **_at_step(rng)},
        lambda: {"fault": "interrupt_by_other", **_at_step(rng)},
        lambda: {"fault": "foreign_prompts", **_at_step(rng), "count": 2, "steps": 5},
        lambda: {"fault": "clock_jump", **_at_step(rng), "seconds": rng.choice([-3600, 3600])},
    ]
