"""How every benchmark takes its flags and tells its figures, so that they can be put together."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value beside its baseline from the same run."""

    name: str
    value: float
    unit: str
    baseline: float
    baseline_is: str

    @property
    def ratio(self) -> float:
        return self.value / self.baseline if self.baseline else float("inf")


@dataclass(frozen=True)
class Flags:
    quick: bool
    json: bool


def parse_flags(description: str | None) -> Flags:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="under 50 s, with wider intervals")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return Flags(**vars(parser.parse_args()))


def tell(figures: Sequence[Figure], flags: Flags) -> None:
    for figure in figures:
        if flags.json:
            print(json.dumps(asdict(figure) | {"ratio": figure.ratio}))
        else:
            print(
                f"{figure.name:<24} {figure.value:8.3f} {figure.unit:<10} "
                f"×{figure.ratio:.2f} of {figure.baseline:.3f} ({figure.baseline_is})"
            )
