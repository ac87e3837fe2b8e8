"""A few chaos runs in CI; `make chaos` does many."""

import pytest

from tests.chaos.run import chaos


@pytest.mark.parametrize(
    "seed",
    [
        10,  # a server and a scorer killed
        13,  # two servers, one of them restarts; POST reset, a websocket gone silent
        136,  # a server killed, Retake stopped
    ],
)
def test_nothing_is_lost_or_done_twice(seed: int, scorer: str) -> None:
    assert chaos(seed, scorer).complaints == []
