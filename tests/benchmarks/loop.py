"""What the loop is worth: pictures accepted with a budget of 12 against one generation each.

On the sandbox's world of painted scenes with the shipped scenes CLIP: figures about this code and
this world, not about real diffusion. The sandbox knows which pictures are truly right.
"""

import asyncio
import random
import tempfile
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import mean

import httpx

from orchestrator import child, scoring
from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.fleet import Fleet
from orchestrator.journal import Journal
from orchestrator.models import Attempt, Budget, Ending, Target, Verdict
from orchestrator.run import Collaborators, Result, run_target
from orchestrator.sandbox.scene import BACKGROUNDS, COLOURS, RELATIONS, SHAPES, SIZES
from orchestrator.search import policy
from orchestrator.search.gate import parse_gate
from orchestrator.search.strategy import Weigh
from orchestrator.storage import Storage
from orchestrator.workflow.edit import set_values
from orchestrator.workflow.emphasis import phrases
from orchestrator.workflow.graph import Graph
from tests.benchmarks.figures import Figure, parse_flags, tell

BUDGET = 12
CLAIMED_PRECISION = 0.97
"""Of typical prompts' pictures that pass clip>=28: scorer/models/scenes/MODEL_CARD.md."""
AT_ONCE = 3
"""Targets under way, so that drawing, scoring and journal overlap."""


def typical_prompt(rng: random.Random) -> str:
    """Mostly two coloured things and a relation; sometimes one thing, a size, a background."""

    def thing(colour: str, shape: str) -> str:
        size = f"{rng.choice(list(SIZES))} " if rng.random() < 0.2 else ""
        return f"a {size}{colour} {shape}"

    colours, shapes = rng.sample(list(COLOURS), 2), rng.sample(list(SHAPES), 2)
    things = [thing(colour, shape) for colour, shape in zip(colours, shapes, strict=True)]
    said = f" {rng.choice(list(RELATIONS))} ".join(things if rng.random() < 0.8 else things[:1])
    if rng.random() < 0.25:
        said += f", on a {rng.choice(list(BACKGROUNDS))} background"
    return said


def random_targets(count: int, seed: int) -> list[Target]:
    rng = random.Random(seed)
    graph = Graph.load(Path("workflows/sd15.json").read_bytes())
    small = set_values(graph, {"Size.width": 256, "Size.height": 256}).to_api()
    return [
        Target(
            id=f"t{i}",
            workflow=small,
            prompt=typical_prompt(rng),
            gate=parse_gate("clip>=28"),
            budget=Budget(attempts=BUDGET),
            seed=rng.getrandbits(53),
        )
        for i in range(count)
    ]


async def measure(count: int) -> list[Figure]:
    async with AsyncExitStack() as stack:
        arguments = ("sandbox", "--seconds-per-step", "0", "--preview-method", "none")
        url = await stack.enter_async_context(
            child.serving("orchestrator", *arguments, ready_seconds=30)
        )
        scorer_url = await stack.enter_async_context(scoring.local("scenes", "cpu"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        using = Collaborators(
            fleet=await stack.enter_async_context(Fleet([url], ComfyClient)),
            scorer=await stack.enter_async_context(scoring.Scorer(scorer_url)),
            journal=await stack.enter_async_context(Journal(folder / "journal.db")),
            storage=Storage(folder),
        )
        places = asyncio.Semaphore(AT_ONCE)

        async def run(target: Target) -> Result:
            async with places:
                await using.journal.add_target(target, {})
                strategy = Weigh(target, phrases(target.prompt))
                return await run_target(target, [], strategy, using, lambda event: None)

        results = await asyncio.gather(*map(run, random_targets(count, seed=1)))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url))
        return await figures(results, http)


async def figures(results: list[Result], http: httpx.AsyncClient) -> list[Figure]:
    async def right(attempt: Attempt) -> bool:
        truth = (await http.get(f"/_sandbox/truth/{attempt.prompt_id}")).json()
        return bool(truth["pictures"][0]["right"])

    judged = {Verdict.ACCEPTED, Verdict.BELOW_GATE}
    firsts = [r.attempts[0] for r in results if r.attempts[0].verdict in judged]
    accepted = [a for r in results for a in r.attempts if a.verdict == Verdict.ACCEPTED]
    spent = sum(policy.spent(result.attempts) for result in results)
    single = share(attempt.verdict == Verdict.ACCEPTED for attempt in firsts)
    single_right = share([await right(attempt) for attempt in firsts])
    truly = share([await right(attempt) for attempt in accepted])
    return [
        Figure("loop_vs_single", share(r.ending == Ending.ACCEPTED for r in results), "of targets",
               single, "accepted after one generation"),
        Figure("accepted_truly_right", truly, "of accepted",
               CLAIMED_PRECISION, "what the scorer's model card claims"),
        Figure("right_vs_single", truly * len(accepted) / len(results), "of targets",
               single_right, "truly right after one generation"),
        Figure("generations_per_accept", spent / len(accepted), "pictures",
               1 / single, "expected of reseeding without end"),
    ]  # fmt: skip


def share(of: Iterable[bool]) -> float:
    return mean(map(float, of))


if __name__ == "__main__":
    given = parse_flags(__doc__)
    tell(asyncio.run(measure(40 if given.quick else 200)), given)
