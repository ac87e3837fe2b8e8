"""`python -m tests.chaos [--runs N] [--first SEED] [--jobs N]`: real processes, faults, deaths."""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed

from rich.progress import track

from tests.chaos.run import chaos
from tests.chaos.scorer import Scorer


def main() -> int:
    """Complaints go to stdout as they come, then what the runs met; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side; one mostly waits")
    given = parser.parse_args()

    bad, begun, met = 0, time.monotonic(), Counter[str]()
    scorer = Scorer()
    with ThreadPoolExecutor(given.jobs) as pool:
        seeds = range(given.first, given.first + given.runs)
        runs = {pool.submit(chaos, seed, scorer.url): seed for seed in seeds}
        for run in track(as_completed(runs), "chaos", total=given.runs):
            seen = run.result()
            met += seen.met
            bad += bool(seen.complaints)
            for complaint in seen.complaints:
                print(f"seed {runs[run]}: {complaint}", flush=True)
    seconds = (time.monotonic() - begun) / given.runs
    print("met:", ", ".join(f"{name} {times}" for name, times in sorted(met.items())))
    print(f"{given.runs} runs, {bad} with complaints, {seconds:.1f} s a run")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
