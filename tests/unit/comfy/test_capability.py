"""What a server lacks for a graph, by its `/object_info`."""

from typing import Any

import pytest

from orchestrator.comfy.capability import lacks


def info(**inputs: Any) -> dict[str, Any]:
    return {"Loader": {"input": {"required": inputs}}, "SaveImage": {"input": {}}}


def graph(class_type: str = "Loader", **inputs: Any) -> dict[str, Any]:
    return {"4": {"class_type": class_type, "inputs": inputs, "_meta": {"title": "Model"}}}


MODELS = ["a.safetensors", "b.safetensors"]


@pytest.mark.parametrize(
    "spec",
    [
        [MODELS],
        [MODELS, {"tooltip": "?"}],
        ["COMBO", {"options": MODELS}],
    ],
)
def test_a_model_that_is_not_installed(spec: Any) -> None:
    line = lacks("http://h", graph(name="c.safetensors"), info(name=spec))
    assert line.startswith("'Model' (Loader #4): name 'c.safetensors' is not installed on http://h")
    assert lacks("http://h", graph(name="b.safetensors"), info(name=spec)) == ""


def test_a_near_miss_is_proposed() -> None:
    line = lacks("http://h", graph(name="sd15.ckpt"), info(name=[["sd15.safetensors", "flux.x"]]))
    assert line.endswith("did you mean 'sd15.safetensors'?")


def test_a_node_that_is_not_installed() -> None:
    line = lacks("http://h", graph("SaveImages"), info())
    expected = "'Model' (SaveImages #4): 'SaveImages' is not installed on http://h"
    assert line == f"{expected}; did you mean 'SaveImage'?"


@pytest.mark.parametrize(
    ("value", "spec"),
    [
        (["3", 0], [["a"]]),  # a link
        ("new.png", [["old.png"], {"image_upload": True}]),
        ("later", [[], {"remote": {"route": "/x"}}]),
        (["a", "b"], ["COMBO", {"options": ["a"], "multiselect": True}]),
        (7, ["INT", {"max": 3}]),
        ("text", ["STRING", {}]),
        ("text", []),
        ("text", None),
    ],
)
def test_what_is_not_certain_is_left_to_the_server(value: Any, spec: Any) -> None:
    assert lacks("http://h", graph(name=value), info(name=spec)) == ""


@pytest.mark.parametrize("content", ["nonsense", {}, {"class_type": 3, "inputs": {}}])
def test_what_is_no_node_is_left_to_the_server(content: Any) -> None:
    assert lacks("http://h", {"1": content}, info()) == ""


@pytest.mark.parametrize("about", [None, {}, {"input": None}, {"input": {"required": None}}])
def test_a_node_that_does_not_tell_its_inputs(about: Any) -> None:
    assert lacks("http://h", graph(name="x"), {"Loader": about}) == ""


def test_long_lists_are_counted() -> None:
    many = {str(n): {"class_type": f"Node{n}", "inputs": {}} for n in range(5)}
    line = lacks("http://h", many, info())
    assert line.count("is not installed") == 3
    assert line.endswith("; and 2 more")
