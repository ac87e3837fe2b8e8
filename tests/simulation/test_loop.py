"""Virtual time, and that the checks see what is wrong."""

import asyncio
import time

import pytest

from tests.simulation.loop import Deadlock, run
from tests.simulation.truth import Truth


def test_time_jumps_to_the_next_timer() -> None:
    async def main() -> tuple[float, list[str]]:
        order: list[str] = []
        loop = asyncio.get_running_loop()
        loop.call_later(7200, order.append, "late")
        loop.call_later(60, order.append, "early")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        await asyncio.sleep(3600)
        return loop.time(), order

    began = time.perf_counter()
    assert run(main()) == ((7200.0, ["early", "late"]), [])
    assert time.perf_counter() - began < 60


def test_everybody_waiting_for_ever_is_told() -> None:
    with pytest.raises(Deadlock):
        run(asyncio.Event().wait())


def test_threads_run_on_the_spot() -> None:
    async def main() -> str:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        return await asyncio.to_thread(str, 5)

    assert run(main()) == ("5", [])


def test_exceptions_that_nobody_takes_are_told() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    _, faults = run(main())
    assert "ZeroDivisionError" in faults[0]


def test_the_truth_knows_what_must_not_be() -> None:
    truth = Truth(lambda: 5.0)
    truth.fates["a"].started = [1.0, 2.0]
    truth.posts["b"] = 2
    truth.looks["client 1"] = [
        (1.0, "/queue"),
        (1.5, "/queue"),
        (1.6, "/history/c"),
        (1.7, "/history/c"),
    ]
    truth.check(apart=1.0)
    assert truth.violations == [
        "at 5.000 s: a was generated 2 times",
        "at 5.000 s: b was posted 2 times",
        "at 5.000 s: client 1 looked twice in 0.500 s",
        "at 5.000 s: client 1 asked twice for /history/c in one look",
    ]
