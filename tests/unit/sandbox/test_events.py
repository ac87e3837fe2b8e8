"""What a client hears, frame by frame, as recorded from ComfyUI 0.3.64."""

import asyncio
from io import BytesIO

import pytest
from PIL import Image

from orchestrator.sandbox.events import Connection
from tests.unit.sandbox.driver import Frame, Server, noise, txt2img

METADATA = {"supports_preview_metadata": True}
NODE = ["progress_state", "executing", "progress_state"]


def kinds(frames: list[Frame]) -> list[object]:
    return [frame["type"] for frame in frames]


def of_type(frames: list[Frame], kind: object) -> list[Frame]:
    return [frame for frame in frames if frame["type"] == kind]


async def test_a_run_is_told_in_this_order(server: Server) -> None:
    frames = await server.run(txt2img(steps=2), METADATA)
    assert kinds(frames) == [
        *["status", "status", "execution_start", "execution_cached"],
        *(NODE * 4),
        *["progress_state", "executing"],
        *(["progress_state", 4, "progress"] * 2),
        "progress_state",
        *NODE,
        *["progress_state", "executing", "executed", "progress_state"],
        *["execution_success", "status", "executing"],
    ]
    order = [frame["data"]["node"] for frame in of_type(frames, "executing")]
    assert order == ["4", "5", "7", "6", "3", "8", "9", None]


async def test_frames_have_these_fields(server: Server) -> None:
    frames = await server.run(txt2img(steps=2), METADATA, prompt_id="p")
    for frame in frames:
        if frame["type"] != 4:
            frame["data"].pop("timestamp", None)
    said = [(frame["type"], frame.get("data")) for frame in frames]
    ids = {"node_id": "3", "prompt_id": "p", "display_node_id": "3"}
    real = {"parent_node_id": None, "real_node_id": "3"}
    state = {"value": 1, "max": 2, "state": "running", **ids, **real}
    file = {"filename": "test_00001_.png", "subfolder": "", "type": "output"}
    for expected in [
        ("status", {"status": {"exec_info": {"queue_remaining": 1}}}),
        ("execution_start", {"prompt_id": "p"}),
        ("execution_cached", {"nodes": [], "prompt_id": "p"}),
        ("executing", {"node": "3", "display_node": "3", "prompt_id": "p"}),
        ("progress", {"value": 1, "max": 2, "prompt_id": "p", "node": "3"}),
        (
            "executed",
            {"node": "9", "display_node": "9", "output": {"images": [file]}, "prompt_id": "p"},
        ),
        ("execution_success", {"prompt_id": "p"}),
        ("status", {"status": {"exec_info": {"queue_remaining": 0}}}),
        ("executing", {"node": None, "prompt_id": "p"}),
    ]:
        assert expected in said
    states = [frame["data"]["nodes"].get("3") for frame in of_type(frames, "progress_state")]
    assert state in states
    assert of_type(frames, 4)[0]["metadata"] == {**ids, **real, "image_type": "image/jpeg"}


async def test_previews_are_type_1_and_follow_progress_without_the_feature(server: Server) -> None:
    frames = await server.run(txt2img(steps=2))
    assert kinds(frames)[18:24] == ["progress_state", "progress", 1] * 2
    preview = of_type(frames, 1)[0]
    assert preview["format"] == 1
    assert Image.open(BytesIO(preview["image"])).format == "JPEG"


@pytest.mark.parametrize("features", [{}, {"supports_preview_metadata": "yes"}, [1], None])
async def test_only_true_asks_for_metadata(server: Server, features: object) -> None:
    frames = await server.run(txt2img(steps=1), features)
    assert of_type(frames, 1)
    assert not of_type(frames, 4)


async def test_features_count_only_in_the_first_message(server: Server) -> None:
    listener = await server.connect("late")
    await listener.socket.send_str("not json")
    await listener.socket.send_json({"type": "something else"})
    await listener.socket.send_json({"type": "feature_flags", "data": METADATA})
    await server.submit(noise(save="SaveImageWebsocket"), client_id="late")
    assert 1 in kinds(await listener.until_end())


async def test_a_websocket_image_comes_as_png_and_leaves_no_output(server: Server) -> None:
    frames = await server.run(noise(save="SaveImageWebsocket", batch=2), prompt_id="p")
    images = of_type(frames, 1)
    assert [frame["format"] for frame in images] == [2, 2]
    assert Image.open(BytesIO(images[0]["image"])).size == (16, 16)
    progress = [frame["data"]["value"] for frame in of_type(frames, "progress")]
    assert progress == [0, 1]
    assert not of_type(frames, "executed")
    history = await server.get("/history/p")
    assert history["p"]["outputs"] == {}


async def test_the_same_graph_again_is_cached(server: Server) -> None:
    first = await server.run(txt2img())
    again = await server.run(txt2img(), prompt_id="again")
    assert kinds(again) == [
        *["status", "status", "execution_start", "execution_cached"],
        *["executed", "progress_state", "execution_success", "status", "executing"],
    ]
    cached = of_type(again, "execution_cached")[0]["data"]["nodes"]
    assert cached == ["4", "5", "6", "7", "3", "8", "9"]
    old, new = (of_type(run, "executed")[0]["data"]["output"] for run in (first, again))
    assert new == old
    state = of_type(again, "progress_state")[0]["data"]["nodes"]["9"]
    assert (state["value"], state["max"], state["state"]) == (1, 1, "finished")


async def test_only_the_changed_part_runs_again(server: Server) -> None:
    await server.run(txt2img(seed=1))
    frames = await server.run(txt2img(seed=2))
    assert of_type(frames, "execution_cached")[0]["data"]["nodes"] == ["4", "5", "6", "7"]
    ran = [frame["data"]["node"] for frame in of_type(frames, "executing")]
    assert ran == ["3", "8", "9", None]


async def test_only_the_last_graph_is_remembered(server: Server) -> None:
    await server.run(txt2img())
    await server.run(noise())
    frames = await server.run(txt2img())
    assert of_type(frames, "execution_cached")[0]["data"]["nodes"] == []


async def test_a_websocket_output_is_never_cached(server: Server) -> None:
    await server.run(noise(save="SaveImageWebsocket"))
    frames = await server.run(noise(save="SaveImageWebsocket"))
    assert of_type(frames, "execution_cached")[0]["data"]["nodes"] == ["1", "2"]
    assert of_type(frames, 1)


async def test_free_memory_forgets_the_cache(server: Server) -> None:
    await server.run(noise())
    assert await server.post("/free", {"unload_models": True, "free_memory": True}) == (200, "")
    frames = await server.run(noise())
    assert of_type(frames, "execution_cached")[0]["data"]["nodes"] == []


async def test_a_node_that_fails_is_told_to_its_client_only(server: Server) -> None:
    graph = txt2img()
    graph["3"]["inputs"]["model"] = "sd15"  # passes validation, as on ComfyUI
    other = await server.connect("other")
    frames = await server.run(graph, prompt_id="p")
    error = of_type(frames, "execution_error")[0]["data"]
    assert set(error) == {
        *("prompt_id", "node_id", "node_type", "executed", "exception_message"),
        *("exception_type", "traceback", "current_inputs", "current_outputs", "timestamp"),
    }
    assert (error["node_id"], error["node_type"]) == ("3", "KSampler")
    assert error["exception_type"] == "AttributeError"
    assert error["exception_message"].endswith("\n")
    assert error["current_inputs"]["model"] == ["sd15"]
    assert kinds(frames)[-3:] == ["execution_error", "status", "executing"]
    entry = (await server.get("/history/p"))["p"]
    assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("error", False)
    assert entry["status"]["messages"][-1][0] == "execution_error"
    await other.socket.close()
    assert not of_type(other.frames, "execution_error")


async def test_without_client_id_progress_goes_to_everyone(server: Server) -> None:
    listener = await server.connect("anybody", METADATA)
    await server.submit(noise(save="SaveImageWebsocket"))
    await listener.until(
        lambda f: f["type"] == "status" and not f["data"]["status"]["exec_info"]["queue_remaining"]
    )
    heard = set(kinds(listener.frames[2:]))
    assert heard == {"status", "progress_state", "progress", 1}


async def test_who_returns_hears_where_the_prompt_is(server: Server) -> None:
    server.time.stop_after(0)
    first = await server.connect("me")
    await server.submit(txt2img(), client_id="me")
    await first.until(lambda f: f["type"] == "executing" and f["data"]["node"] == "3")
    second = await server.connect("me")
    where = await second.until_type("executing")
    assert where["data"] == {"node": "3"}
    heard = len(first.frames)
    server.time.go_on()
    await second.until_end()
    await first.socket.close()
    assert len(first.frames) == heard  # the first connection hears nothing more


async def test_the_first_connection_s_end_leaves_the_second_alone(server: Server) -> None:
    first = await server.connect("me")
    second = await server.connect("me")
    await first.socket.close()
    await server.submit(noise(), client_id="me")
    assert "execution_success" in kinds(await second.until_end())


class StuckSocket:
    """A websocket whose client reads nothing."""

    closed = False

    async def send_str(self, frame: str) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True


async def test_a_client_that_reads_nothing_is_dropped() -> None:
    socket = StuckSocket()
    connection = Connection(socket)  # type: ignore[arg-type]
    for _ in range(3000):
        connection.send("frame")
        if socket.closed:
            break
        await asyncio.sleep(0)
    assert socket.closed
