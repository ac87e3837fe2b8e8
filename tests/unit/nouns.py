"""Short ways to make the nouns that tests talk about."""

from orchestrator.models import (
    Attempt,
    Budget,
    Mutation,
    Picture,
    Score,
    Target,
    Verdict,
)
from orchestrator.search.gate import parse_gate


def clip(value: float) -> dict[str, Score]:
    return {"clip": Score(metric="clip", value=value, version=1, model="m", weights="sha256:0")}


def target(gate: str = "clip>=28", budget: int = 12, want: int = 1, seed: int = 7) -> Target:
    return Target(
        id="t",
        workflow={},
        prompt="a red circle above a blue square",
        gate=parse_gate(gate),
        budget=Budget(attempts=budget),
        want=want,
        seed=seed,
    )


def attempt(
    number: int,
    verdict: Verdict | None = Verdict.BELOW_GATE,
    *scores: float,
    repeats: int | None = None,
) -> Attempt:
    return Attempt(
        number=number,
        prompt_id=f"p{number}",
        server="http://s",
        mutation=Mutation(seed=number),
        repeats=repeats,
        verdict=verdict,
        pictures=tuple(
            Picture(sha256=f"{number}/{i}", scores=clip(s), passed=verdict == Verdict.ACCEPTED)
            for i, s in enumerate(scores)
        ),
    )
