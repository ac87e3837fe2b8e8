"""Runs many seeds of the simulation; prints those that fail, and replays one.

python -m tests.simulation --seeds 1000 [--first N] [--layer client|run]
python -m tests.simulation --seed N --trace --layer run
"""

import argparse
import sys
import time

from tests.simulation import clients, runs
from tests.simulation.loop import Deadlock, VirtualLoop, run
from tests.simulation.world import Report

LAYERS = {"client": (clients.simulate, 0.0), "run": (runs.simulate, 0.004)}
"""The client alone, and all of the orchestrator: what to run, and how slow the disk is."""


def one(layer: str, seed: int, trace: bool = False) -> Report:
    """One run, with everything that went wrong in it."""
    simulate, disk = LAYERS[layer]
    try:
        report, faults = run(simulate(seed, trace), loop_factory=lambda: VirtualLoop(disk))
    except Deadlock:
        return Report(seed, ("everybody waits for ever",), 0)
    return Report(seed, (*report.violations, *faults), report.faults, report.trace)


def many(layer: str, seeds: range) -> bool:
    """Whether all went well."""
    began, failed, faults = time.perf_counter(), 0, 0
    for seed in seeds:
        report = one(layer, seed)
        faults += report.faults
        if report.violations:
            failed += 1
            print(f"{layer} seed {seed}: {'; '.join(report.violations)}", flush=True)
    seconds = time.perf_counter() - began
    print(
        f"{layer}: {len(seeds)} runs, {failed} failed, {faults} faults met, {seconds:.1f} s "
        f"({len(seeds) / seconds * 60:.0f} runs a minute)"
    )
    return not failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--layer", choices=LAYERS, help="this one alone")
    parser.add_argument("--seeds", type=int, default=1000, help="how many to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--trace", action="store_true", help="print all that happened in it")
    options = parser.parse_args()
    layers = [options.layer] if options.layer else list(LAYERS)
    if options.seed is None:
        seeds = range(options.first, options.first + options.seeds)
        return not all([many(layer, seeds) for layer in layers])
    reports = [one(layer, options.seed, options.trace) for layer in layers]
    for report in reports:
        print(*report.trace, *report.violations, sep="\n")
    return any(report.violations for report in reports)


if __name__ == "__main__":
    sys.exit(main())
