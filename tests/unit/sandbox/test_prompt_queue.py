import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.prompt_queue import History, Job, PromptQueue


def job(prompt_id: str, number: float = 0) -> Job:
    return Job(number, prompt_id, {}, {}, ())


def queue() -> PromptQueue:
    return PromptQueue(lambda: None)


async def drained(prompts: PromptQueue) -> list[str]:
    ids = []
    while prompts.pending:
        ids.append((await prompts.get()).prompt_id)
        prompts.done()
    return ids


@given(st.lists(st.integers(-3, 3)))
async def test_lowest_number_first_then_first_come(numbers: list[int]) -> None:
    prompts = queue()
    for i, number in enumerate(numbers):
        prompts.put(job(str(i), number))
    expected = sorted(range(len(numbers)), key=lambda i: numbers[i])
    assert await drained(prompts) == [str(i) for i in expected]


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
async def test_deleting_takes_one_pending_job_and_keeps_the_order(
    ids: list[int], deleted: list[int]
) -> None:
    prompts = queue()
    for i in ids:
        prompts.put(job(str(i)))
    left = list(ids)
    for i in deleted:
        assert prompts.delete(str(i)) is (i in left)
        if i in left:
            left.remove(i)
    assert prompts.remaining == len(left)
    assert await drained(prompts) == [str(i) for i in left]


async def test_get_waits_for_a_job() -> None:
    prompts = queue()
    waiting = asyncio.create_task(prompts.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    prompts.put(job("p"))
    assert (await waiting).prompt_id == "p"
    assert prompts.running is not None
    assert prompts.remaining == 1


async def test_every_change_is_told() -> None:
    counts: list[int] = []
    prompts = PromptQueue(lambda: counts.append(prompts.remaining))
    prompts.put(job("a"))
    prompts.put(job("b"))
    await prompts.get()
    prompts.delete("b")
    prompts.done()
    prompts.clear()
    assert counts == [1, 2, 2, 1, 0, 0]


def test_history_forgets_the_oldest() -> None:
    history = History(limit=3)
    for i in range(5):
        history.add(str(i), {"n": i})
    assert list(history.page(None, -1)) == ["2", "3", "4"]
    assert history.get("1") == {}
    assert history.get("4") == {"4": {"n": 4}}


@given(st.integers(0, 8), st.integers(0, 9), st.integers(-1, 9))
def test_history_pages(count: int, max_items: int, offset: int) -> None:
    history = History()
    entries: dict[str, Any] = {str(i): {} for i in range(count)}
    for prompt_id, entry in entries.items():
        history.add(prompt_id, entry)
    page = list(history.page(max_items, offset))
    start = offset if offset >= 0 else max(0, count - max_items)
    assert page == list(entries)[start : start + max_items]
