"""The facts of a picture, in the one shape in which they are stored beside it and printed."""

from typing import Any

from orchestrator.models import Attempt, Picture, Target


def picture_record(attempt: Attempt, picture: Picture) -> dict[str, Any]:
    """Where a picture came from and what it scored, as JSON values."""
    return {
        "image": picture.file,
        "passed": picture.passed,
        "scores": {name: score.value for name, score in picture.scores.items()},
        "seed": attempt.mutation.seed,
        "attempt": attempt.number,
        "mutation": attempt.mutation.model_dump(mode="json", exclude_defaults=True),
    }


def full_record(target: Target, attempt: Attempt, picture: Picture) -> dict[str, Any]:
    """All that is needed to know what a picture is and to make it again: the sidecar."""
    return picture_record(attempt, picture) | {
        "target": target.id,
        "prompt": target.prompt,
        "gate": str(target.gate),
        "scores": [score.model_dump(mode="json") for score in picture.scores.values()],
        "server": attempt.server,
        "prompt_id": attempt.prompt_id,
        "gpu_seconds": round(attempt.gpu_seconds, 3),
        "sha256": picture.sha256,
    }
