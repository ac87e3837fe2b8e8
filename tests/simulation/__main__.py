"""Runs many seeds of the simulation; prints those that fail, and replays one.

python -m tests.simulation --seeds 1000 [--first N]
python -m tests.simulation --seed N --trace
"""

import argparse
import sys
import time

from tests.simulation.clients import simulate
from tests.simulation.loop import Deadlock, run
from tests.simulation.world import Report


def one(seed: int, trace: bool = False) -> Report:
    """One run, with everything that went wrong in it."""
    try:
        report, faults = run(simulate(seed, trace))
    except Deadlock:
        return Report(seed, ("everybody waits for ever",), 0)
    return Report(seed, (*report.violations, *faults), report.faults, report.trace)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--trace", action="store_true", help="print all that happened in it")
    options = parser.parse_args()
    if options.seed is not None:
        report = one(options.seed, options.trace)
        print(*report.trace, *report.violations, sep="\n")
        return bool(report.violations)
    began, failed, faults = time.perf_counter(), 0, 0
    for seed in range(options.first, options.first + options.seeds):
        report = one(seed)
        faults += report.faults
        if report.violations:
            failed += 1
            print(f"seed {seed}: {'; '.join(report.violations)}", flush=True)
    seconds = time.perf_counter() - began
    print(
        f"{options.seeds} runs, {failed} failed, {faults} faults met, {seconds:.1f} s "
        f"({options.seeds / seconds * 60:.0f} runs a minute)"
    )
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
