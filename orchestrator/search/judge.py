"""Whether scores pass a gate, and which of two pictures is nearer to it."""

import operator
from collections.abc import Callable, Iterable

from orchestrator.models import Attempt, Condition, Gate, Picture, Scores

_HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


def passes(gate: Gate, scores: Scores) -> bool:
    """True when every condition of the gate holds. A score that is missing closes the gate."""
    return all(_holds(condition, scores) for condition in gate.conditions)


def margin(gate: Gate, scores: Scores) -> float:
    """By how much the scores pass the gate's tightest condition; below 0 they miss it.

    In the units of that condition's metric; minus infinity when a score is missing.
    """
    return min(_margin(condition, scores) for condition in gate.conditions)


def best(gate: Gate, attempts: Iterable[Attempt]) -> tuple[Attempt, Picture] | None:
    """The scored picture with the largest margin and its attempt; the earliest of equals."""
    scored = [(a, p) for a in attempts for p in a.pictures if p.scores]
    return max(scored, key=lambda pair: margin(gate, pair[1].scores), default=None)


def _holds(condition: Condition, scores: Scores) -> bool:
    score = scores.get(condition.metric)
    return score is not None and _HOLDS[condition.operator](score.value, condition.threshold)


def _margin(condition: Condition, scores: Scores) -> float:
    score = scores.get(condition.metric)
    if score is None:
        return float("-inf")
    sign = 1.0 if condition.operator in (">=", ">") else -1.0
    return sign * (score.value - condition.threshold)
