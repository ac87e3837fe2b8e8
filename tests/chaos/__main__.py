"""`python -m tests.chaos [--runs N] [--first SEED]`: real processes, real faults, real kills."""

import argparse
import sys

from rich.progress import track

from tests.chaos.run import chaos
from tests.processes import serving

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--runs", type=int, default=200)
parser.add_argument("--first", type=int, default=0, metavar="SEED")
given = parser.parse_args()

failed = 0
with serving("scorer", "--model", "scenes", "--port", 0) as scorer:
    for seed in track(range(given.first, given.first + given.runs), "chaos"):
        for complaint in chaos(seed, scorer):
            failed += 1
            print(f"seed {seed}: {complaint}", flush=True)
print(f"{given.runs} runs, {failed} complaints")
sys.exit(bool(failed))
