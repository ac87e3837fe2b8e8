import asyncio
import threading
from functools import partial

import pytest

from scorer.batching import ModelQueue
from scorer.errors import Busy


class Gate:
    """A call that waits in the model's thread until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> str:
        self.entered.set()
        assert self.open.wait(10)
        return "through"


async def test_every_caller_gets_its_own_answer_or_its_own_error() -> None:
    queue = ModelQueue()

    answers = await asyncio.gather(
        *(queue.run(partial(divmod, 12, number)) for number in (1, 0, 3)), return_exceptions=True
    )

    assert answers[0] == (12, 0)
    assert isinstance(answers[1], ZeroDivisionError)
    assert answers[2] == (4, 0)


async def test_calls_run_in_order_and_in_one_thread() -> None:
    queue = ModelQueue()
    seen: list[tuple[int, str]] = []

    def call(number: int) -> None:
        seen.append((number, threading.current_thread().name))

    await asyncio.gather(*(queue.run(partial(call, number)) for number in range(5)))

    assert [number for number, _ in seen] == list(range(5))
    assert len({thread for _, thread in seen}) == 1


async def test_who_finds_no_place_is_told_so_and_finds_one_later() -> None:
    queue = ModelQueue(places=2)

    with queue.place():
        with queue.place(), pytest.raises(Busy, match="2 requests"), queue.place():
            pass
        with queue.place():
            pass


async def test_a_failed_request_gives_its_place_back() -> None:
    queue = ModelQueue(places=1)

    with pytest.raises(ZeroDivisionError), queue.place():
        await queue.run(lambda: 1 / 0)

    with queue.place():
        assert await queue.run(lambda: "served") == "served"


async def test_who_went_away_while_waiting_costs_the_model_nothing() -> None:
    queue, gate = ModelQueue(), Gate()
    calls: list[str] = []
    first = asyncio.ensure_future(queue.run(gate))
    await asyncio.to_thread(gate.entered.wait, 10)
    gone = asyncio.ensure_future(queue.run(lambda: calls.append("gone")))
    last = asyncio.ensure_future(queue.run(lambda: calls.append("last")))
    await asyncio.sleep(0)

    gone.cancel()
    await asyncio.wait([gone])
    gate.open.set()
    await asyncio.gather(first, last)

    assert calls == ["last"]
