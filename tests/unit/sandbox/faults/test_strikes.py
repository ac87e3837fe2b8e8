"""What happens to prompts and to the server, seen by a client and in the log."""

from typing import Any

import pytest

from tests.unit.sandbox.driver import Frame, Time, noise, txt2img
from tests.unit.sandbox.faults.wire import Wire, read, told, until


def last(frames: list[Frame], kind: str) -> dict[str, Any]:
    return [dict(frame["data"]) for frame in frames if frame["type"] == kind][-1]


async def test_memory_runs_out_at_a_step(wire: Wire) -> None:
    await wire.arm({"fault": "out_of_memory", "when": {"step": 2}})
    async with await wire.connect() as socket:
        frames = await wire.run(txt2img(steps=4), socket)
    error = last(frames, "execution_error")
    assert (error["node_type"], error["exception_type"]) == ("KSampler", "torch.OutOfMemoryError")
    assert "Allocation on device" in error["exception_message"]
    assert last(frames, "progress")["value"] == 1
    assert (await wire.get("/_sandbox/truth/p"))["steps"] == 2
    assert (await wire.ended())["status"]["status_str"] == "error"


async def test_a_node_fails(wire: Wire) -> None:
    fault = {"fault": "node_error", "when": {"class_type": "VAE*"}, "message": "no VAE"}
    await wire.arm(fault)
    async with await wire.connect() as socket:
        error = last(await wire.run(txt2img(), socket), "execution_error")
    assert (error["node_id"], error["node_type"]) == ("8", "VAEDecode")
    assert (error["exception_type"], error["exception_message"]) == ("RuntimeError", "no VAE\n")


async def test_another_client_interrupts(wire: Wire) -> None:
    await wire.arm({"fault": "interrupt_by_other", "when": {"step": 3}})
    async with await wire.connect() as socket:
        frames = await wire.run(txt2img(steps=6), socket)
    assert last(frames, "execution_interrupted")["node_id"] == "3"
    assert last(frames, "progress")["value"] == 2
    (entry,) = await wire.events("interrupt")
    del entry["time"]
    assert entry == {"event": "interrupt", "named": None, "prompt_id": "p", "client_id": "me",
                     "by": "somebody-else"}  # fmt: skip


async def test_interrupts_and_deletes_are_noted_with_whom_they_hit(wire: Wire, time: Time) -> None:
    time.stop_after(0)
    await wire.submit(txt2img())
    for name in ("a", "b"):
        await wire.submit(noise(), prompt_id=name, client_id="other")
    await until(lambda: time.calls)
    wire.http.headers["User-Agent"] = "tester"
    for name in ("gone", "p"):
        await wire.http.post("/interrupt", json={"prompt_id": name})
    await wire.http.post("/queue", json={"delete": ["a", "gone"]})
    await wire.http.post("/queue", json={"clear": True})
    missed, hit = await wire.events("interrupt")
    assert (missed["named"], missed["prompt_id"], missed["by"]) == ("gone", None, "tester")
    assert (hit["named"], hit["prompt_id"], hit["client_id"]) == ("p", "p", "me")
    deleted = await wire.events("deleted")
    assert [(e["prompt_id"], e["client_id"], e["by"]) for e in deleted] == [
        ("a", "other", "tester"),
        ("b", "other", "tester"),
    ]
    time.go_on()


@pytest.mark.parametrize(("at", "ours"), [("request", 2), ("answer", 0)])
async def test_others_queue_before_or_after(wire: Wire, time: Time, at: str, ours: int) -> None:
    submits = {"method": "POST", "path": "/prompt"}
    await wire.arm({"fault": "foreign_prompts", "at": at, "when": submits, "count": 2})
    time.stop_after(0)
    await wire.submit(txt2img())
    queue = await wire.get("/queue")
    prompts = queue["queue_running"] + sorted(queue["queue_pending"])
    whose = [prompt[3]["client_id"] for prompt in prompts]
    assert whose.index("me") == ours
    assert whose.count("somebody-else") == 2
    time.go_on()
    await wire.ended()
    for prompt in prompts:
        assert (await wire.ended(prompt[1]))["status"]["completed"]


async def test_pending_prompts_are_forgotten(wire: Wire, time: Time) -> None:
    time.stop_after(0)
    await wire.submit(txt2img())
    await until(lambda: time.calls)
    await wire.submit(noise(), prompt_id="pending")
    await wire.arm({"fault": "forget_queue"})
    queue = await wire.get("/queue")
    assert [prompt[1] for prompt in queue["queue_running"]] == ["p"]
    assert queue["queue_pending"] == []
    (entry,) = await wire.events("forgotten")
    assert (entry["prompt_id"], entry["client_id"]) == ("pending", "me")
    time.go_on()


async def test_history_comes_late(wire: Wire, time: Time) -> None:
    await wire.arm({"fault": "history_late", "seconds": 9})
    async with await wire.connect() as socket:
        time.stop_after(0)
        await wire.submit(noise())
        while read(await socket.recv())["type"] != "execution_success":
            pass
        assert time.calls == [9]
        assert await wire.get("/history/p") == {}
        assert (await wire.get("/queue"))["queue_running"][0][1] == "p"
        time.go_on()
        await told(socket)
        assert "p" in await wire.get("/history/p")


async def test_the_clock_jumps(wire: Wire) -> None:
    await wire.arm({"fault": "clock_jump", "at": "step", "when": {"step": 1}, "seconds": -3600})
    await wire.submit(txt2img())
    entry = await wire.ended()
    before, *_, after = [message["timestamp"] for _, message in entry["status"]["messages"]]
    assert -3_600_000 <= after - before < -3_590_000
    noted = [entry["time"] for entry in await wire.get("/_sandbox/log")]
    assert noted == sorted(noted)
