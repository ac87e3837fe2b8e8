"""What goes wrong in a chaos run: faults of the sandbox and kills of Retake, drawn from a seed."""

from random import Random
from typing import Any

Fault = dict[str, Any]


def draw_faults(rng: Random) -> list[Fault]:
    """Up to four faults, each at some moment of the run."""
    kinds = [
        lambda: {"fault": "drop_socket", "when": {"frame": rng.randint(1, 25)},
                 "abort": rng.random() < 0.5},
        lambda: {"fault": "zombie_socket", "when": {"frame": rng.randint(1, 25)}},
        lambda: {"fault": "drop_frame", "when": {"frame": rng.randint(1, 30)}, "times": 3},
        lambda: {"fault": "duplicate", "when": {"frame": rng.randint(1, 30)}, "times": 3},
        lambda: {"fault": "reorder", "when": {"frame": rng.randint(1, 30)}, "times": 3},
        lambda: {"fault": "reset", "at": rng.choice(["request", "answer"])},
        lambda: {"fault": "bad_gateway", "at": rng.choice(["request", "answer"])},
        lambda: {"fault": "answer_late", "seconds": rng.choice([0.5, 3.0])},
        lambda: {"fault": "never_answer", "at": rng.choice(["request", "answer"])},
        lambda: {"fault": "truncated_image"},
        lambda: {"fault": "wrong_content_type"},
        lambda: {"fault": "html_instead_of_image"},
        lambda: {"fault": "history_late", "seconds": 2.0},
        lambda: {"fault": "interrupt_by_other", "when": {"step": rng.randint(1, 8)}},
        lambda: {"fault": "foreign_prompts", "at": "step", "when": {"step": 2}, "count": 2,
                 "steps": 5},
        lambda: {"fault": "forget_queue", "at": "step", "when": {"step": rng.randint(1, 8)}},
        lambda: {"fault": "restart", "at": "step", "when": {"step": rng.randint(1, 8)},
                 "downtime": rng.choice([0.0, 1.0]), "keep_history": rng.random() < 0.5},
        lambda: {"fault": "out_of_memory", "at": "step", "when": {"step": 2}},
        lambda: {"fault": "clock_jump", "seconds": rng.choice([-3600.0, 3600.0])},
    ]  # fmt: skip
    return [kind() for kind in rng.sample(kinds, rng.randint(0, 4))]


def draw_kills(rng: Random) -> list[float]:
    """Seconds after its start at which each of the first processes is killed."""
    return [rng.uniform(0.8, 5.0) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
