"""`/object_info` against the inputs of ComfyUI's own nodes, recorded from release 0.3.64.

The record stands between the servers: the sandbox has no node and no input but those in it, and a
real ComfyUI has all of them.
"""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

RECORD: dict[str, Any] = json.loads((Path(__file__).parent / "object_info.json").read_text())
LIMITS = ("default", "min", "max", "step")


def shape(info: Any) -> dict[str, Any]:
    """What must agree: inputs with section, type and limits, outputs, and whether it is one."""
    inputs: dict[str, Any] = {}
    for section in ("required", "optional"):
        for name, config in info["input"].get(section, {}).items():
            type_, options = config[0], config[1] if len(config) > 1 else {}
            if isinstance(type_, list):  # choices are files, or differ between releases
                inputs[name] = [section, "COMBO", {}]
            else:
                limits = {key: options[key] for key in LIMITS if key in options}
                inputs[name] = [section, type_, limits]
    return {"inputs": inputs, "output": info["output"], "output_node": info["output_node"]}


async def test_nodes_are_those_of_comfyui(http: httpx.AsyncClient) -> None:
    info = (await http.get("/object_info")).json()
    for name in sorted(set(info) & set(RECORD)):
        assert shape(info[name]) == RECORD[name], name
    assert set(info) <= set(RECORD) or set(RECORD) <= set(info)


@pytest.mark.parametrize("name", ["KSampler", "NoSuchNode"])
async def test_one_node_alone(http: httpx.AsyncClient, name: str) -> None:
    one = (await http.get(f"/object_info/{name}")).json()
    everything = (await http.get("/object_info")).json()
    assert one == {key: info for key, info in everything.items() if key == name}


async def test_what_a_node_tells_about_itself(http: httpx.AsyncClient) -> None:
    sampler = (await http.get("/object_info/KSampler")).json()["KSampler"]
    assert sampler["name"] == "KSampler"
    assert sampler["input_order"]["required"] == list(sampler["input"]["required"])
    assert {"display_name", "category", "output_name", "output_is_list"} <= set(sampler)
    choices = sampler["input"]["required"]["sampler_name"][0]
    assert {"euler", "dpmpp_2m", "ddim"} <= set(choices)
