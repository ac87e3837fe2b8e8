"""The nodes' definitions, and their entries in `/object_info`."""

import inspect

import pytest

from orchestrator.sandbox.nodes import NODES, Node
from tests.unit.sandbox.driver import Server


@pytest.mark.parametrize("entry", NODES.values(), ids=NODES)
def test_each_function_takes_its_node_s_inputs(entry: Node) -> None:
    parameters = inspect.signature(entry.run).parameters.values()
    named = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} - {"context"}
    takes_more = any(p.kind is p.VAR_KEYWORD for p in parameters)
    assert named <= set(entry.inputs)
    assert takes_more or named == set(entry.inputs)
    for parameter in parameters:
        optional = parameter.default is not parameter.empty
        if parameter.name in entry.inputs:
            assert optional is entry.inputs[parameter.name].optional


@pytest.mark.parametrize("entry", NODES.values(), ids=NODES)
def test_links_can_be_made_to_every_input(entry: Node) -> None:
    """What a node takes is a value, or something that another node gives."""
    given = {kind for other in NODES.values() for kind in other.outputs}
    for wanted in entry.inputs.values():
        assert isinstance(wanted.kind, tuple) or wanted.kind in given


async def test_object_info_of_ksampler_is_comfyui_s(server: Server) -> None:
    (entry,) = (await server.get("/object_info/KSampler")).values()
    samplers, schedulers = (
        entry["input"]["required"][name].pop(0) for name in ("sampler_name", "scheduler")
    )
    assert (len(samplers), samplers[0]) == (42, "euler")
    assert (len(schedulers), schedulers[0]) == (9, "simple")
    zero_to = {"default": 0, "min": 0}
    assert entry["input"]["required"] == {
        "model": ["MODEL"],
        "seed": ["INT", {**zero_to, "max": 2**64 - 1, "control_after_generate": True}],
        "steps": ["INT", {"default": 20, "min": 1, "max": 10000}],
        "cfg": ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}],
        "sampler_name": [],
        "scheduler": [],
        "positive": ["CONDITIONING"],
        "negative": ["CONDITIONING"],
        "latent_image": ["LATENT"],
        "denoise": ["FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01}],
    }
    assert entry["input_order"] == {"required": list(entry["input"]["required"])}
    del entry["input"], entry["input_order"], entry["description"]
    assert entry == {
        "output": ["LATENT"],
        "output_is_list": [False],
        "output_name": ["LATENT"],
        "name": "KSampler",
        "display_name": "KSampler",
        "python_module": "nodes",
        "category": "sampling",
        "output_node": False,
    }


async def test_newer_nodes_have_no_title_and_list_choices_as_options(server: Server) -> None:
    (entry,) = (await server.get("/object_info/CLIPTextEncodeSD3")).values()
    assert entry["display_name"] is None
    assert entry["input"]["required"]["empty_padding"] == [
        "COMBO",
        {"multiselect": False, "options": ["none", "empty_prompt"]},
    ]


async def test_object_info_lists_all_nodes_and_the_uploads(server: Server) -> None:
    everything = await server.get("/object_info")
    assert set(everything) == set(NODES)
    assert everything["SaveImage"]["input"]["hidden"] == {
        "prompt": "PROMPT",
        "extra_pnginfo": "EXTRA_PNGINFO",
    }
    assert everything["SaveImage"]["output_node"] is True
    assert everything["LoadImage"]["input"]["required"]["image"] == [[], {"image_upload": True}]
    assert await server.get("/object_info/NoSuchNode") == {}
