import pytest

from orchestrator.models import Verdict
from orchestrator.search import judge
from orchestrator.search.gate import parse_gate
from tests.unit.nouns import attempt, clip


@pytest.mark.parametrize(
    ("gate", "value", "passed"),
    [
        ("clip>=28", 28.0, True),
        ("clip>=28", 27.999, False),
        ("clip>28", 28.0, False),
        ("clip<=28", 28.0, True),
        ("clip<28", 28.0, False),
        ("clip>=20 and clip<30", 25.0, True),
        ("clip>=20 and clip<30", 31.0, False),
        ("clip>=0", -3.0, False),
    ],
)
def test_a_gate_passes_what_meets_every_condition(gate: str, value: float, passed: bool) -> None:
    assert judge.passes(parse_gate(gate), clip(value)) is passed


def test_a_missing_score_closes_the_gate() -> None:
    assert not judge.passes(parse_gate("clip<=100"), {})
    assert judge.margin(parse_gate("clip<=100"), {}) == float("-inf")


def test_the_margin_is_that_of_the_tightest_condition() -> None:
    gate = parse_gate("clip>=20 and clip<=30")
    assert judge.margin(gate, clip(29)) == 1
    assert judge.margin(gate, clip(21)) == 1
    assert judge.margin(gate, clip(35)) == -5


def test_best_is_the_nearest_to_the_gate_over_all_pictures() -> None:
    attempts = [
        attempt(1, Verdict.BELOW_GATE, 20, 26.5),
        attempt(2, Verdict.NODE_ERROR),
        attempt(3, Verdict.BELOW_GATE, 25, 26.5),
    ]
    found = judge.best(parse_gate("clip>=28"), attempts)
    assert found is not None
    assert (found[0].number, found[1].sha256) == (1, "1/1")


def test_without_scored_pictures_there_is_no_best() -> None:
    assert judge.best(parse_gate("clip>=28"), [attempt(1, Verdict.LOST)]) is None
