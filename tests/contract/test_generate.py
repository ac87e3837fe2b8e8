"""Prompts through our client: what it makes of each kind of ending."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.events import Executing, InQueue, Preview, Progress, PromptEvent
from orchestrator.comfy.outcome import Outcome
from orchestrator.comfy.prompt_state import End
from tests.contract.graphs import ksampler, noise

PNG = b"\x89PNG\r\n\x1a\n"


def new_id() -> str:
    return str(uuid.uuid4())


async def started(
    client: ComfyClient, graph: Any, event: type[PromptEvent], prompt_id: str
) -> asyncio.Task[Outcome]:
    """A prompt under way, at the first event of a kind."""
    reached = asyncio.Event()

    def listen(heard: PromptEvent) -> None:
        if isinstance(heard, event):
            reached.set()

    task = asyncio.create_task(client.generate(graph, prompt_id, listen))
    await reached.wait()
    return task


async def test_a_picture_with_progress_and_previews(client: ComfyClient) -> None:
    heard: list[PromptEvent] = []
    prompt_id = new_id()
    done = await client.generate(ksampler(steps=4), prompt_id, heard.append)
    assert (done.ending, done.cached, done.dropped, done.error) == (End.SUCCEEDED, False, (), "")
    assert done.seconds > 0
    (image,) = done.images
    assert (image.ref.node, image.ref.type) == ("9", "output")
    assert (await client.fetch(image)).startswith(PNG)
    steps = [event.value for event in heard if isinstance(event, Progress)]
    assert steps == [1, 2, 3, 4]
    previews = [event for event in heard if isinstance(event, Preview)]
    assert [(preview.node, preview.mime) for preview in previews] == [("3", "image/jpeg")] * 4
    assert {event.prompt_id for event in heard} == {prompt_id}


async def test_a_batch(client: ComfyClient) -> None:
    done = await client.generate(noise(batch=3), new_id())
    names = [image.ref.filename for image in done.images]
    assert len(set(names)) == 3
    pictures = {await client.fetch(image) for image in done.images}
    assert all(picture.startswith(PNG) for picture in pictures)


async def test_temporary_pictures_are_there_too(client: ComfyClient) -> None:
    done = await client.generate(noise("PreviewImage"), new_id())
    (image,) = done.images
    assert image.ref.type == "temp"
    assert (await client.fetch(image)).startswith(PNG)


@pytest.mark.parametrize("batch", [1, 2])
async def test_pictures_sent_over_the_websocket(client: ComfyClient, batch: int) -> None:
    done = await client.generate(noise("SaveImageWebsocket", batch), new_id())
    assert (done.ending, done.cached) == (End.SUCCEEDED, False)
    assert len({image.data for image in done.images}) == batch
    for image in done.images:
        assert (await client.fetch(image)).startswith(PNG)


async def test_previews_do_not_mix_with_websocket_pictures(client: ComfyClient) -> None:
    done = await client.generate(ksampler(save="SaveImageWebsocket"), new_id())
    (image,) = done.images
    assert image.data is not None
    assert image.data.startswith(PNG)


@pytest.mark.parametrize("save", ["SaveImage", "SaveImageWebsocket"])
async def test_the_same_again_is_cached(client: ComfyClient, save: str) -> None:
    graph = noise(save)
    first = await client.generate(graph, new_id())
    again = await client.generate(graph, new_id())
    assert not first.cached
    assert again.cached
    assert again.ending is End.SUCCEEDED
    assert again.images == first.images


async def test_prompts_do_not_mix(client: ComfyClient) -> None:
    kinds = ["SaveImage", "SaveImageWebsocket", "PreviewImage"]
    outcomes = await asyncio.gather(*(client.generate(noise(kind), new_id()) for kind in kinds))
    assert [[image.ref.type for image in done.images] for done in outcomes] == [
        ["output"],
        ["websocket"],
        ["temp"],
    ]


async def test_a_running_prompt_is_interrupted(client: ComfyClient) -> None:
    prompt_id = new_id()
    task = await started(client, ksampler(steps=40), Progress, prompt_id)
    await client.cancel(prompt_id)
    done = await task
    assert (done.ending, done.images, done.error) == (End.INTERRUPTED, (), "")


async def test_a_pending_prompt_is_taken_back(client: ComfyClient) -> None:
    running, pending = new_id(), new_id()
    first = await started(client, ksampler(steps=40), Executing, running)
    second = await started(client, noise(), InQueue, pending)
    await client.cancel(pending)
    assert (await second).ending is End.INTERRUPTED
    assert not first.done()
    await client.cancel(running)
    assert (await first).ending is End.INTERRUPTED


async def test_cancelling_what_is_over_does_nothing(client: ComfyClient) -> None:
    prompt_id = new_id()
    done = await client.generate(noise(), prompt_id)
    await client.cancel(prompt_id)
    assert (await client.follow(prompt_id)).images == done.images


async def test_a_node_that_raises(client: ComfyClient) -> None:
    graph = ksampler()
    graph["3"]["inputs"]["model"] = "no link"  # passes validation, and fails when it runs
    graph["3"]["_meta"] = {"title": "First pass"}
    done = await client.generate(graph, new_id())
    assert done.ending is End.FAILED
    assert done.error.startswith(f"'First pass' (KSampler #3) failed on {client.address}: ")
    assert not done.out_of_memory


async def test_an_earlier_prompt_is_found_again(
    client: ComfyClient, http: httpx.AsyncClient
) -> None:
    prompt_id, graph = new_id(), noise()
    await http.post("/prompt", json={"prompt": graph, "prompt_id": prompt_id})
    done = await client.follow(prompt_id, graph=graph)
    assert done.ending is End.SUCCEEDED
    assert (await client.fetch(done.images[0])).startswith(PNG)
    assert done.seconds >= 0


async def test_an_earlier_prompt_that_still_runs(
    client: ComfyClient, http: httpx.AsyncClient
) -> None:
    prompt_id, graph = new_id(), ksampler(steps=6)
    await http.post("/prompt", json={"prompt": graph, "prompt_id": prompt_id})
    done = await client.follow(prompt_id, graph=graph)
    assert (done.ending, len(done.images)) == (End.SUCCEEDED, 1)


async def test_an_earlier_websocket_picture_is_lost(
    client: ComfyClient, http: httpx.AsyncClient
) -> None:
    prompt_id, graph = new_id(), noise("SaveImageWebsocket")
    await http.post("/prompt", json={"prompt": graph, "prompt_id": prompt_id})
    assert (await client.follow(prompt_id, graph=graph)).ending is End.LOST


async def test_an_unknown_prompt_is_lost(client: ComfyClient) -> None:
    assert (await client.follow(new_id())).ending is End.LOST
