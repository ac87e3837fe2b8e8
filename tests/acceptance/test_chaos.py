"""A few chaos runs in CI; `make chaos` does many."""

import pytest

from tests.chaos.run import chaos


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_lost_or_done_twice(seed: int, scorer: str) -> None:
    assert chaos(seed, scorer).complaints == []
