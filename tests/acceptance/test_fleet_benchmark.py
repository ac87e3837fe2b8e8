"""The fleet benchmark in small: its servers speak well enough, and its figures are figures."""

import math
from itertools import pairwise

from orchestrator.models import Verdict
from tests.benchmarks import fleet

SECONDS = 0.2


def test_targets_end_on_simulated_servers() -> None:
    run, done = fleet.orchestrated(servers=3, seconds=SECONDS, targets=6)
    assert run.verdicts[Verdict.ACCEPTED] >= 6
    assert run.judged <= run.attempts
    posted = [prompt for prompts in done for prompt in prompts]
    assert len({prompt["prompt_id"] for prompt in posted}) == len(posted) <= run.attempts
    whole = [p for p in posted if p["ended"] and not p["interrupted"]]
    assert all(math.isclose(p["ended"] - p["began"], SECONDS) for p in whole)
    for prompts in done:  # one after the other
        ran = [prompt for prompt in prompts if prompt["ended"]]
        assert all(a["ended"] <= b["began"] for a, b in pairwise(ran))


def test_figures_are_figures() -> None:
    figures = fleet.busy("utilisation", servers=3, seconds=SECONDS, targets=6, pictures=2)
    assert figures[0].name == "utilisation"
    assert all(math.isfinite(figure.ratio) and figure.value > 0 for figure in figures)
    assert all(figure.value <= 1 and figure.baseline <= 1 for figure in figures[:2])
