"""Queue and history on the wire, and what can be taken out of them."""

import uuid
from typing import Any

import httpx
import pytest

from tests.contract.graphs import ksampler, noise
from tests.contract.wire import listening


async def test_what_runs_and_what_waits(http: httpx.AsyncClient) -> None:
    async with listening(http) as wire:
        graph = ksampler(steps=40)
        running = await wire.post(graph)
        await wire.until("progress")
        first, second = await wire.post(noise()), await wire.post(noise())
        queue = (await http.get("/queue")).json()
        (entry,) = [item for item in queue["queue_running"] if item[1] == running]
        assert entry[2] == graph
        assert entry[3]["client_id"] == wire.client_id
        assert entry[4] == ["9"]
        waiting = {item[1]: item[0] for item in queue["queue_pending"]}
        assert entry[0] < waiting[first] < waiting[second]
        load = (await http.get("/prompt")).json()
        assert load["exec_info"]["queue_remaining"] >= 3
        assert (await http.get(f"/history/{running}")).json() == {}

        interrupted = await http.post("/interrupt", json={"prompt_id": second})
        assert interrupted.status_code == 200  # and nothing happens: it does not run
        assert second in await pending(http)
        deleted = await http.post("/queue", json={"delete": [first, second]})
        assert deleted.status_code == 200
        assert not {first, second} & set(await pending(http))
        await http.post("/queue", json={"delete": [running]})  # too late for that
        assert running in [item[1] for item in (await http.get("/queue")).json()["queue_running"]]

        await http.post("/interrupt", json={"prompt_id": running})
        stopped = await wire.until("execution_interrupted")
        assert stopped["data"]["prompt_id"] == running
        while (await wire.until("executing"))["data"]["node"] is not None:
            pass
        entry = (await http.get(f"/history/{running}")).json()[running]
        assert (entry["outputs"], entry["status"]["status_str"]) == ({}, "error")
        assert entry["status"]["completed"] is False
        assert entry["status"]["messages"][-1][0] == "execution_interrupted"


async def pending(http: httpx.AsyncClient) -> list[str]:
    return [item[1] for item in (await http.get("/queue")).json()["queue_pending"]]


async def test_a_history_entry(http: httpx.AsyncClient) -> None:
    graph = noise()
    async with listening(http) as wire:
        prompt_id, frames = await wire.run(graph)
    body = (await http.get(f"/history/{prompt_id}")).json()
    entry = body[prompt_id]
    assert set(body) == {prompt_id}
    assert set(entry) == {"prompt", "outputs", "status", "meta"}
    assert entry["prompt"][1:3] == [prompt_id, graph]
    (executed,) = [f for f in frames if isinstance(f, dict) and f["type"] == "executed"]
    assert entry["outputs"] == {"3": executed["data"]["output"]}
    assert entry["meta"]["3"] == {
        "node_id": "3",
        "display_node": "3",
        "parent_node": None,
        "real_node_id": "3",
    }
    status = entry["status"]
    assert (status["status_str"], status["completed"]) == ("success", True)
    assert [name for name, _ in status["messages"]] == [
        "execution_start",
        "execution_cached",
        "execution_success",
    ]
    assert all(data["prompt_id"] == prompt_id for _, data in status["messages"])


async def test_a_failed_entry_names_node_and_exception(http: httpx.AsyncClient) -> None:
    graph = ksampler()
    graph["3"]["inputs"]["model"] = "no link"  # passes validation, and fails when it runs
    async with listening(http) as wire:
        prompt_id, frames = await wire.run(graph)
    (error,) = [f["data"] for f in frames if isinstance(f, dict) and f["type"] == "execution_error"]
    for key in ("exception_type", "exception_message", "traceback", "current_inputs"):
        assert key in error
    assert (error["node_id"], error["node_type"]) == ("3", "KSampler")
    status = (await http.get(f"/history/{prompt_id}")).json()[prompt_id]["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    assert status["messages"][-1] == ["execution_error", error]


async def test_an_unknown_id_has_no_history(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"/history/{uuid.uuid4()}")).json() == {}


async def test_the_same_id_twice_is_queued_twice(http: httpx.AsyncClient) -> None:
    prompt_id = str(uuid.uuid4())
    async with listening(http) as wire:
        running = await wire.post(ksampler(steps=40))
        await wire.until("executing")
        for _ in range(2):
            await http.post("/prompt", json={"prompt": noise(), "prompt_id": prompt_id})
        assert (await pending(http)).count(prompt_id) == 2
        for _ in range(2):
            await http.post("/queue", json={"delete": [prompt_id]})
        assert prompt_id not in await pending(http)
        await http.post("/interrupt", json={"prompt_id": running})


@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_who_is_there(http: httpx.AsyncClient, prefix: str) -> None:
    stats: Any = (await http.get(f"{prefix}/system_stats")).json()
    assert isinstance(stats["system"]["comfyui_version"], str)
    assert isinstance(stats["system"]["python_version"], str)
    assert {"name", "type", "vram_total", "vram_free"} <= set(stats["devices"][0])
    features = (await http.get(f"{prefix}/features")).json()
    assert features["supports_preview_metadata"] is True
