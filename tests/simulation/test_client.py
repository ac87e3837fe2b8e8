"""The client in simulated bad weather: a short version of `python -m tests.simulation`."""

from tests.simulation.__main__ import one

SEEDS = range(200)


def test_whatever_goes_wrong_every_prompt_is_settled_as_it_was() -> None:
    reports = [one("client", seed) for seed in SEEDS]
    failed = {report.seed: report.violations for report in reports if report.violations}
    assert not failed, f"python -m tests.simulation --seed {next(iter(failed))} --trace"
    assert sum(report.faults for report in reports) > 2 * len(SEEDS)


def test_a_seed_replays_exactly() -> None:
    first, second = one("client", 7, trace=True), one("client", 7, trace=True)
    assert first.trace
    assert first == second
