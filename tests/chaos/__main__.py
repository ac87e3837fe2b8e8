"""`python -m tests.chaos [--runs N] [--first SEED] [--jobs N]`: real processes, faults, deaths."""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from rich.progress import track

from tests.chaos.run import SCORER, chaos
from tests.processes import serving

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--runs", type=int, default=200)
parser.add_argument("--first", type=int, default=0, metavar="SEED")
parser.add_argument("--jobs", type=int, default=2, help="runs side by side; one mostly waits")
given = parser.parse_args()

bad, begun = 0, time.monotonic()
with serving(*SCORER) as scorer, ThreadPoolExecutor(given.jobs) as pool:
    seeds = range(given.first, given.first + given.runs)
    runs = {pool.submit(chaos, seed, scorer): seed for seed in seeds}
    for run in track(as_completed(runs), "chaos", total=given.runs):
        complaints = run.result()
        bad += bool(complaints)
        for complaint in complaints:
            print(f"seed {runs[run]}: {complaint}", flush=True)
seconds = (time.monotonic() - begun) / given.runs
print(f"{given.runs} runs, {bad} with complaints, {seconds:.1f} s a run")
sys.exit(bool(bad))
