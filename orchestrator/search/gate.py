"""Gates as people write them: `clip>=28`, `clip>=28 and clip<40`. The grammar and its errors."""

import math
import re

from orchestrator.errors import GateError
from orchestrator.models import Condition, Gate

CLIP_CEILING = 45.0
"""No pair of picture and caption scores more with the usual CLIP models (DESIGN, Scores)."""

METRICS = ("clip",)

_CONDITION = re.compile(r"\s*([a-z_][a-z0-9_]*)\s*(>=|<=|>|<)\s*(\S+)\s*\Z")


def parse_gate(text: str) -> Gate:
    """Read a gate: conditions `metric >= number` joined by `and`, all of which must hold.

    Raises GateError for a syntax error, an unknown metric, and a threshold no picture can reach.
    """
    return Gate(conditions=tuple(_condition(part, text) for part in re.split(r"\band\b", text)))


def _condition(part: str, gate: str) -> Condition:
    match = _CONDITION.match(part)
    if match is None:
        raise GateError(f"gate {gate!r}: {part.strip()!r} is not a condition such as 'clip>=28'")
    metric, operator, written = match.groups()
    if metric not in METRICS:
        raise GateError(f"gate {gate!r}: no metric {metric!r}; there is {', '.join(METRICS)}")
    try:
        threshold = float(written)
    except ValueError:
        threshold = math.nan
    if not math.isfinite(threshold):
        raise GateError(f"gate {gate!r}: {written!r} is not a number")
    if metric == "clip" and operator in (">=", ">") and threshold > CLIP_CEILING:
        raise GateError(
            f"gate {gate!r} can never pass: clip is 100·cos(image, text), not a percentage; real "
            "pictures score 15-40 (ViT-B-32: noise 20-24, a fair match 28-30, a very good one "
            "34+); try 'clip>=28', or calibrate: look at the scores of one run and set the gate "
            "near the best"
        )
    return Condition.model_validate(
        {"metric": metric, "operator": operator, "threshold": threshold}
    )
