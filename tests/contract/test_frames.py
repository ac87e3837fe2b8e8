"""What a server sends over the websocket, and in which order."""

import json
from typing import Any

import httpx

from tests.contract.graphs import ksampler, noise
from tests.contract.wire import listening, types

ALL_KINDS = {
    "status",
    "execution_start",
    "execution_cached",
    "progress_state",
    "executing",
    "progress",
    "executed",
    "execution_success",
}


def data(frames: list[Any], kind: str) -> list[Any]:
    return [f["data"] for f in frames if isinstance(f, dict) and f["type"] == kind]


def without_repeats(names: list[str]) -> list[str]:
    return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]


async def test_a_run_from_start_to_end(http: httpx.AsyncClient) -> None:
    async with listening(http) as wire:
        assert (await wire.next())["type"] == "feature_flags"
        prompt_id, frames = await wire.run(ksampler(steps=2))
    kinds = [kind for kind in types(frames) if kind != "status"]
    assert kinds[:2] == ["execution_start", "execution_cached"]
    assert kinds[-2:] == ["execution_success", "executing"]
    assert set(kinds) == ALL_KINDS - {"status"}
    for kind in ("execution_start", "execution_cached", "execution_success"):
        (message,) = data(frames, kind)
        assert message["prompt_id"] == prompt_id
        assert isinstance(message["timestamp"], int)
    last = [event["node"] for event in data(frames, "executing")][-4:]
    assert last == ["3", "8", "9", None]
    steps = [(p["value"], p["max"], p["node"]) for p in data(frames, "progress")]
    assert steps == [(1, 2, "3"), (2, 2, "3")]
    (executed,) = data(frames, "executed")
    (image,) = executed["output"]["images"]
    assert set(image) == {"filename", "subfolder", "type"}
    assert executed == {
        "node": "9",
        "display_node": "9",
        "output": {"images": [image]},
        "prompt_id": prompt_id,
    }


async def test_a_node_in_progress_state(http: httpx.AsyncClient) -> None:
    async with listening(http) as wire:
        prompt_id, frames = await wire.run(noise())
    states = data(frames, "progress_state")
    assert {state["prompt_id"] for state in states} == {prompt_id}
    assert states[-1]["nodes"]["3"] == {
        "value": 1.0,
        "max": 1.0,
        "state": "finished",
        "node_id": "3",
        "prompt_id": prompt_id,
        "display_node_id": "3",
        "parent_node_id": None,
        "real_node_id": "3",
    }


async def test_previews_with_the_feature_name_their_node(http: httpx.AsyncClient) -> None:
    async with listening(http) as wire:
        prompt_id, frames = await wire.run(ksampler(steps=2))
    previews = [frame for frame in frames if isinstance(frame, bytes)]
    assert len(previews) == 2
    for frame in previews:
        assert frame[:4] == b"\0\0\0\4"
        length = int.from_bytes(frame[4:8], "big")
        about = json.loads(frame[8 : 8 + length])
        assert about == {
            "node_id": "3",
            "prompt_id": prompt_id,
            "display_node_id": "3",
            "parent_node_id": None,
            "real_node_id": "3",
            "image_type": "image/jpeg",
        }
        assert frame[8 + length :].startswith(b"\xff\xd8\xff")


async def test_previews_without_the_feature_are_bare(http: httpx.AsyncClient) -> None:
    async with listening(http, flags=False) as wire:
        _, frames = await wire.run(ksampler(steps=2))
    previews = [frame for frame in frames if isinstance(frame, bytes)]
    assert len(previews) == 2
    assert all(frame.startswith(b"\0\0\0\1\0\0\0\1\xff\xd8\xff") for frame in previews)
    assert "feature_flags" not in types(frames)


async def test_websocket_images_are_frames_like_previews(http: httpx.AsyncClient) -> None:
    async with listening(http) as wire:
        prompt_id, frames = await wire.run(noise("SaveImageWebsocket", batch=2))
    images = [frame for frame in frames if isinstance(frame, bytes)]
    assert len(images) == 2
    for frame in images:
        length = int.from_bytes(frame[4:8], "big")
        about = json.loads(frame[8 : 8 + length])
        assert (about["node_id"], about["prompt_id"]) == ("3", prompt_id)
        assert about["image_type"] == "image/png"
        assert frame[8 + length :].startswith(b"\x89PNG")
    assert "executed" not in types(frames)
    entry = (await http.get(f"/history/{prompt_id}")).json()[prompt_id]
    assert entry["outputs"] == {}


async def test_bare_websocket_images_say_that_they_are_png(http: httpx.AsyncClient) -> None:
    async with listening(http, flags=False) as wire:
        _, frames = await wire.run(noise("SaveImageWebsocket"))
    (image,) = [frame for frame in frames if isinstance(frame, bytes)]
    assert image.startswith(b"\0\0\0\1\0\0\0\2\x89PNG")


async def test_a_cached_prompt_sends_the_old_files_again(http: httpx.AsyncClient) -> None:
    graph = noise()
    async with listening(http) as wire:
        _, first = await wire.run(graph)
        _, again = await wire.run(graph)
    (cached,) = data(again, "execution_cached")
    assert sorted(cached["nodes"]) == ["1", "2", "3"]
    assert data(again, "executed")[0]["output"] == data(first, "executed")[0]["output"]
    assert [event["node"] for event in data(again, "executing")] == [None]


async def test_the_history_is_there_once_the_prompt_is_over(http: httpx.AsyncClient) -> None:
    async with listening(http) as wire:
        prompt_id, _ = await wire.run(noise())
        assert prompt_id in (await http.get(f"/history/{prompt_id}")).json()


async def test_others_hear_only_that_the_queue_changes(http: httpx.AsyncClient) -> None:
    async with listening(http) as other, listening(http) as wire:
        await wire.run(noise())
        assert {"status"} == set(types(await other.silence())) - {"feature_flags"}


async def test_who_comes_back_is_told_what_executes(http: httpx.AsyncClient) -> None:
    async with listening(http) as wire:
        prompt_id = await wire.post(ksampler(steps=12))
        await wire.until("progress")
    async with listening(http, flags=False, client_id=wire.client_id) as wire:
        assert await wire.next() == {"type": "executing", "data": {"node": "3"}}
        await http.post("/interrupt", json={"prompt_id": prompt_id})
        frame = await wire.until("execution_interrupted")
    assert frame["data"]["prompt_id"] == prompt_id
    assert frame["data"]["node_id"] == "3"


async def test_the_order_around_a_step(http: httpx.AsyncClient) -> None:
    async def around(flags: bool) -> list[str]:
        async with listening(http, flags=flags) as wire:
            _, frames = await wire.run(ksampler(steps=2))
        names = ["binary" if isinstance(f, bytes) else f["type"] for f in frames]
        first = names.index("binary")
        return without_repeats(names[first - 2 : first + 2])

    assert await around(flags=True) == ["executing", "progress_state", "binary", "progress"]
    assert await around(flags=False) == ["progress_state", "progress", "binary", "progress_state"]
