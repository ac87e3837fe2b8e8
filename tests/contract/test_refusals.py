"""What a server refuses, in its own words on the wire and in our one line."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.prompt_state import End
from orchestrator.errors import PromptRejected
from tests.contract.graphs import CHECKPOINT, ksampler, node, noise

Break = Callable[[dict[str, Any]], object]


def inputs(node_id: str, **values: Any) -> Break:
    return lambda graph: graph[node_id]["inputs"].update(values)


def without(node_id: str, name: str) -> Break:
    return lambda graph: graph[node_id]["inputs"].pop(name)


BROKEN_INPUTS = [
    (
        inputs("4", ckpt_name="scene-easy.safetensors"),
        ("4", "value_not_in_list", "ckpt_name"),
        "CheckpointLoaderSimple #4: ckpt_name 'scene-easy.safetensors' is not installed on {url}; "
        f"did you mean '{CHECKPOINT}'?",
    ),
    (
        inputs("3", sampler_name="eular"),
        ("3", "value_not_in_list", "sampler_name"),
        "KSampler #3: sampler_name 'eular' is not known to {url}; did you mean 'euler'?",
    ),
    (
        inputs("3", steps=0),
        ("3", "value_smaller_than_min", "steps"),
        "KSampler #3: steps is 0; allowed are 1 to 10000",
    ),
    (
        inputs("3", seed=2**64),
        ("3", "value_bigger_than_max", "seed"),
        "KSampler #3: seed is 18446744073709551616; allowed are 0 to 18446744073709551615",
    ),
    (
        inputs("3", cfg="warm"),
        ("3", "invalid_input_type", "cfg"),
        "KSampler #3: cfg is 'warm', which is no FLOAT",
    ),
    (
        without("6", "clip"),
        ("6", "required_input_missing", "clip"),
        "CLIPTextEncode #6: required input 'clip' is missing",
    ),
    (
        inputs("3", model=["4", 1]),
        ("3", "return_type_mismatch", "model"),
        "KSampler #3: model takes MODEL, not CLIP",
    ),
    (
        inputs("3", model=["4"]),
        ("3", "bad_linked_input", "model"),
        "KSampler #3: Bad linked input, must be a length-2 list of [node_id, slot_index]: model",
    ),
    (
        inputs("3", latent_image=["404", 0]),
        ("3", "exception_during_inner_validation", "samples"),
        "KSampler #3: latent_image is linked to node #404, which is not there",
    ),
]


@pytest.mark.parametrize(("spoil", "wrong", "line"), BROKEN_INPUTS)
async def test_an_input_that_is_wrong(
    http: httpx.AsyncClient,
    client: ComfyClient,
    spoil: Break,
    wrong: tuple[str, str, str],
    line: str,
) -> None:
    graph = ksampler()
    spoil(graph)
    answer = await http.post("/prompt", json={"prompt": graph})
    assert answer.status_code == 400
    body = answer.json()
    assert body["error"]["type"] == "prompt_outputs_failed_validation"
    assert set(body["error"]) == {"type", "message", "details", "extra_info"}
    node_id, type_, name = wrong
    assert set(body["node_errors"]) == {node_id}
    about = body["node_errors"][node_id]
    assert about["class_type"] == graph[node_id]["class_type"]
    assert about["dependent_outputs"] == ["9"]
    (error,) = about["errors"]
    assert set(error) == {"type", "message", "details", "extra_info"}
    assert (error["type"], error["extra_info"]["input_name"]) == (type_, name)
    assert await refusal(client, graph) == line.format(url=client.address)


async def refusal(client: ComfyClient, graph: Any) -> str:
    """Our line, without its beginning."""
    with pytest.raises(PromptRejected) as caught:
        await client.generate(graph, str(uuid.uuid4()))
    return str(caught.value).removeprefix(f"{client.address} refuses the workflow: ")


def unknown_class(graph: dict[str, Any]) -> None:
    graph["3"]["class_type"] = "KSamplr"


def no_outputs(graph: dict[str, Any]) -> None:
    del graph["9"]


def ui_format(graph: dict[str, Any]) -> None:
    graph.clear()
    graph.update({"id": "0", "nodes": [{"id": 4, "type": "KSampler"}], "links": []})


@pytest.mark.parametrize(
    ("spoil", "error", "line"),
    [
        (
            unknown_class,
            ("invalid_prompt", "Node ID '#3'"),
            "KSamplr #3: 'KSamplr' is not installed on {url}; did you mean 'KSampler'?",
        ),
        (
            ui_format,
            ("invalid_prompt", "Node ID '#id'"),
            "node #id has no class_type: this is not API format",
        ),
        (
            no_outputs,
            ("prompt_no_outputs", ""),
            "it has no output node, such as SaveImage, so there is nothing to run",
        ),
    ],
)
async def test_a_graph_that_is_wrong(
    http: httpx.AsyncClient,
    client: ComfyClient,
    spoil: Break,
    error: tuple[str, str],
    line: str,
) -> None:
    graph = ksampler()
    spoil(graph)
    answer = await http.post("/prompt", json={"prompt": graph})
    assert answer.status_code == 400
    body = answer.json()
    assert (body["error"]["type"], body["error"]["details"]) == error
    assert body["node_errors"] == {}
    assert await refusal(client, graph) == line.format(url=client.address)


async def test_an_image_that_is_not_there(client: ComfyClient) -> None:
    graph = {
        "1": node("LoadImage", image="nowhere.png"),
        "2": node("PreviewImage", images=["1", 0]),
    }
    assert await refusal(client, graph) == (
        "LoadImage #1: Custom validation failed for node: image - Invalid image file: nowhere.png"
    )


async def test_several_errors(client: ComfyClient) -> None:
    graph = ksampler(steps=0)
    inputs("4", ckpt_name="x.ckpt")(graph)
    line = await refusal(client, graph)
    assert line.index("CheckpointLoaderSimple #4") < line.index("KSampler #3: steps is 0")


async def test_an_output_dropped_beside_a_success(
    http: httpx.AsyncClient, client: ComfyClient
) -> None:
    graph = noise()
    graph["7"] = node("SaveImage", filename_prefix="bad")
    answer = await http.post("/prompt", json={"prompt": graph})
    assert answer.status_code == 200
    assert set(answer.json()) == {"prompt_id", "number", "node_errors"}
    assert answer.json()["node_errors"]["7"]["class_type"] == "SaveImage"
    done = await client.generate(graph, str(uuid.uuid4()))
    assert done.ending is End.SUCCEEDED
    assert done.dropped == ("SaveImage #7: required input 'images' is missing",)
    assert {image.ref.node for image in done.images} == {"3"}


async def test_no_prompt_at_all(http: httpx.AsyncClient) -> None:
    answer = await http.post("/prompt", json={"client_id": "me"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "no_prompt")


async def test_malformed_json_is_a_plain_500(http: httpx.AsyncClient) -> None:
    answer = await http.post("/prompt", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/plain")


async def test_numbers_may_come_as_text(http: httpx.AsyncClient, client: ComfyClient) -> None:
    graph = noise()
    graph["1"]["inputs"]["width"] = "64"
    assert (await client.generate(graph, str(uuid.uuid4()))).ending is End.SUCCEEDED
