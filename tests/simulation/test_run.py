"""The whole orchestrator in simulated bad weather: a short `python -m tests.simulation`."""

import pytest

from tests.simulation.__main__ import one

SEEDS = range(60)


def test_whatever_befalls_it_every_target_ends_as_it_should() -> None:
    reports = [one("run", seed) for seed in SEEDS]
    failed = {report.seed: report.violations for report in reports if report.violations}
    assert not failed, f"python -m tests.simulation --layer run --seed {next(iter(failed))} --trace"
    assert sum(report.faults for report in reports) > 5 * len(SEEDS)


@pytest.mark.parametrize("seed", [12, 37, 70, 172])
def test_a_seed_replays_exactly(seed: int) -> None:
    """Killed, paused and stopped processes among them."""
    first, second = one("run", seed, trace=True), one("run", seed, trace=True)
    assert first.trace
    assert first == second
