"""One sandbox and one scorer for all acceptance tests: starting them costs more than using them."""

from collections.abc import Iterator

import pytest

from tests.processes import serving


@pytest.fixture(scope="session")
def sandbox() -> Iterator[str]:
    with serving("orchestrator", "sandbox", "--port", 0, "--seconds-per-step", 0) as url:
        yield url


@pytest.fixture(scope="session")
def scorer() -> Iterator[str]:
    with serving("scorer", "--model", "scenes", "--port", 0) as url:
        yield url
