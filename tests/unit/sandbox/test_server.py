"""Queue, history, interrupt and what the server tells of itself."""

import pytest

from tests.unit.sandbox.driver import Server, node, noise, txt2img


async def test_history_comes_only_after_success_was_told(server: Server) -> None:
    server.time.stop_after(2)  # the sampler's steps, not the history's lag
    listener = await server.connect("me")
    await server.submit(txt2img(steps=2), client_id="me", prompt_id="p")
    await listener.until_type("execution_success")
    assert await server.get("/history/p") == {}
    assert (await server.get("/queue"))["queue_running"][0][1] == "p"
    server.time.go_on()
    await listener.until_end()
    assert "p" in await server.get("/history/p")


async def test_a_history_entry(server: Server) -> None:
    graph = noise()
    await server.run(graph, prompt_id="p", extra_data={"note": 1})
    entry = (await server.get("/history/p"))["p"]
    messages = [message[0] for message in entry["status"].pop("messages")]
    assert messages == ["execution_start", "execution_cached", "execution_success"]
    file = {"filename": "noise_00001_.png", "subfolder": "", "type": "output"}
    assert entry == {
        "prompt": [0, "p", graph, {"note": 1, "client_id": "runner"}, ["3"]],
        "outputs": {"3": {"images": [file]}},
        "status": {"status_str": "success", "completed": True},
        "meta": {
            "3": {"node_id": "3", "display_node": "3", "parent_node": None, "real_node_id": "3"}
        },
    }


async def test_history_pages_and_deletes(server: Server) -> None:
    for i in range(4):
        await server.run(noise(seed=i), prompt_id=f"p{i}")
    assert list(await server.get("/history")) == ["p0", "p1", "p2", "p3"]
    assert list(await server.get("/history?max_items=2")) == ["p2", "p3"]
    assert list(await server.get("/history?max_items=2&offset=1")) == ["p1", "p2"]
    await server.post("/history", {"delete": ["p1", "unknown"]})
    assert list(await server.get("/history")) == ["p0", "p2", "p3"]
    await server.post("/history", {"clear": True})
    assert await server.get("/history") == {}


async def test_an_interrupt_takes_effect_at_the_next_step(server: Server) -> None:
    server.time.stop_after(1)
    listener = await server.connect("me")
    await server.submit(txt2img(steps=5), client_id="me", prompt_id="p")
    await listener.until_type("progress")
    assert await server.post("/interrupt", {"prompt_id": "p"}) == (200, "")
    server.time.go_on()
    frames = await listener.until_end()
    assert [f["data"]["value"] for f in frames if f["type"] == "progress"] == [1]
    told = next(f["data"] for f in frames if f["type"] == "execution_interrupted")
    del told["timestamp"]
    executed = ["4", "5", "7", "6"]
    assert told == {
        "prompt_id": "p",
        "node_id": "3",
        "node_type": "KSampler",
        "executed": executed,
    }
    status = (await server.get("/history/p"))["p"]["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    assert status["messages"][-1][0] == "execution_interrupted"
    truth = await server.get("/_sandbox/truth/p")
    assert (truth["status"], truth["steps"]) == ("interrupted", 2)


async def test_an_interrupt_spares_pending_prompts(server: Server) -> None:
    server.time.stop_after(0)
    listener = await server.connect("me")
    await server.submit(txt2img(), client_id="me", prompt_id="running")
    await server.submit(noise(), client_id="me", prompt_id="pending")
    await listener.until_type("execution_start")
    assert await server.post("/interrupt", {"prompt_id": "pending"}) == (200, "")
    assert await server.post("/interrupt", {"prompt_id": "unknown"}) == (200, "")
    server.time.go_on()
    await listener.until_end()
    await listener.until_end()
    history = await server.get("/history")
    assert [entry["status"]["completed"] for entry in history.values()] == [True, True]


async def test_an_interrupt_without_id_stops_whatever_runs(server: Server) -> None:
    server.time.stop_after(0)
    listener = await server.connect("me")
    await server.submit(txt2img(), client_id="me", prompt_id="p")
    await listener.until_type("execution_start")
    async with server.session.post(server.url + "/interrupt") as response:
        assert response.status == 200
    server.time.go_on()
    await listener.until_type("execution_interrupted")


async def test_the_queue_shows_changes_and_deletes(server: Server) -> None:
    server.time.stop_after(0)
    graph = txt2img()
    await server.submit(graph, prompt_id="running", client_id="me")
    for name in ("a", "b", "c"):
        await server.submit(noise(), prompt_id=name)
    await server.submit(noise(), prompt_id="first", front=True)
    await server.submit(noise(), prompt_id="last", number=99)
    queue = await server.get("/queue")
    assert queue["queue_running"] == [[0, "running", graph, {"client_id": "me"}, ["9"]]]
    assert {item[1]: item[0] for item in queue["queue_pending"]} == {
        **{"a": 1, "b": 2, "c": 3},
        **{"first": -4, "last": 99.0},
    }
    assert (await server.get("/prompt"))["exec_info"] == {"queue_remaining": 6}
    await server.post("/queue", {"delete": ["b", "running", "unknown"]})
    assert await pending(server) == {"a", "c", "first", "last"}
    await server.post("/queue", {"clear": True})
    assert await pending(server) == set()
    assert (await server.get("/queue"))["queue_running"]
    server.time.go_on()


async def pending(server: Server) -> set[str]:
    return {item[1] for item in (await server.get("/queue"))["queue_pending"]}


async def test_lower_numbers_run_first(server: Server) -> None:
    server.time.stop_after(0)
    listener = await server.connect("me")
    for name, number in (("now", 0), ("late", 9), ("soon", 3), ("early", -1)):
        await server.submit(txt2img(seed=number + 5), prompt_id=name, number=number, client_id="me")
    server.time.go_on()
    for _ in range(4):
        await listener.until_end()
    assert list(await server.get("/history")) == ["now", "early", "soon", "late"]


async def test_the_same_prompt_id_twice_runs_twice(server: Server) -> None:
    server.time.stop_after(0)
    await server.submit(txt2img(), prompt_id="p")
    await server.submit(txt2img(seed=2), prompt_id="p")
    queue = await server.get("/queue")
    assert [queue[key][0][1] for key in ("queue_running", "queue_pending")] == ["p", "p"]
    server.time.go_on()


async def test_values_are_converted_as_they_are_checked(server: Server) -> None:
    graph = txt2img(steps="2")  # type: ignore[arg-type]
    await server.run(graph, prompt_id="p")
    stored = (await server.get("/history/p"))["p"]["prompt"][2]
    assert stored["3"]["inputs"]["steps"] == 2


async def test_no_prompt(server: Server) -> None:
    status, answer = await server.post("/prompt", {"client_id": "me"})
    message = "No prompt provided"
    error = {"type": "no_prompt", "message": message, "details": message, "extra_info": {}}
    assert (status, answer) == (400, {"error": error, "node_errors": {}})


async def test_malformed_json_is_a_500_in_plain_text(server: Server) -> None:
    async with server.session.post(server.url + "/prompt", data="{") as response:
        assert response.status == 500
        assert response.content_type == "text/plain"


async def test_a_refused_prompt_leaves_no_trace(server: Server) -> None:
    status, _ = await server.post("/prompt", {"prompt": txt2img(steps=0), "prompt_id": "p"})
    assert status == 400
    assert await server.get("/queue") == {"queue_running": [], "queue_pending": []}
    assert [entry["event"] for entry in await server.get("/_sandbox/log")] == ["rejected"]


async def test_a_dropped_output_is_told_beside_a_200(server: Server) -> None:
    graph = {**noise(), "7": node("SaveImage", filename_prefix="bad")}
    status, answer = await server.post("/prompt", {"prompt": graph})
    assert status == 200
    errors = answer["node_errors"]["7"]
    assert (errors["dependent_outputs"], errors["class_type"]) == (["7"], "SaveImage")


@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_routes_exist_with_and_without_prefix(server: Server, prefix: str) -> None:
    stats = await server.get(f"{prefix}/system_stats")
    assert stats["system"]["comfyui_version"] == "0.3.64"
    assert set(stats["devices"][0]) == {
        *("name", "type", "index", "vram_total", "vram_free"),
        *("torch_vram_total", "torch_vram_free"),
    }
    assert await server.get(f"{prefix}/features") == {
        "supports_preview_metadata": True,
        "max_upload_size": 104857600,
    }
    assert "checkpoints" in await server.get(f"{prefix}/models")
    assert "scenes-hard.safetensors" in await server.get(f"{prefix}/models/checkpoints")
    async with server.session.ws_connect(f"{server.url}{prefix}/ws") as socket:
        greeting = await socket.receive_json()
    assert greeting["type"] == "status"
    assert len(greeting["data"]["sid"]) == 32


async def test_unknown_model_folders_are_404(server: Server) -> None:
    async with server.session.get(server.url + "/models/unknown") as response:
        assert response.status == 404


async def test_truth_and_log(server: Server) -> None:
    await server.run(txt2img(steps=3, batch_size=2), prompt_id="p")
    truth = await server.get("/_sandbox/truth/p")
    assert (truth["status"], truth["steps"]) == ("finished", 3)
    assert [(p["node"], p["index"]) for p in truth["pictures"]] == [("3", 0), ("3", 1)]
    for picture in truth["pictures"]:
        assert picture["right"] is all(phrase["ok"] for phrase in picture["phrases"])
    log = await server.get("/_sandbox/log")
    assert [entry["event"] for entry in log] == ["accepted", "started", "finished"]
    assert {(entry["prompt_id"], entry["client_id"]) for entry in log} == {("p", "runner")}
    assert [entry["time"] for entry in log] == sorted(entry["time"] for entry in log)


async def test_a_cached_prompt_has_its_truth_at_no_cost(server: Server) -> None:
    await server.run(txt2img(), prompt_id="p")
    await server.run(txt2img(), prompt_id="again")
    first, again = [await server.get(f"/_sandbox/truth/{name}") for name in ("p", "again")]
    assert again["pictures"] == first["pictures"]
    assert again["steps"] == 0


async def test_unknown_truth_is_404(server: Server) -> None:
    async with server.session.get(server.url + "/_sandbox/truth/unknown") as response:
        assert response.status == 404


async def test_steps_take_their_time(server: Server) -> None:
    await server.run(txt2img(steps=3))
    assert server.time.calls[:3] == [0.01] * 3
