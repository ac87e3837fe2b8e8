"""Error bodies as recorded from ComfyUI 0.3.64 (without its tooltips)."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox.files import Folders
from orchestrator.sandbox.validation import Validation, validate
from tests.unit.sandbox.driver import node, noise, txt2img


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path, tmp_path / "output")


def with_input(graph: Any, node_id: str, name: str, value: Any) -> Any:
    graph[node_id]["inputs"][name] = value
    return graph


def node_error(folders: Folders, graph: Any, node_id: str) -> dict[str, Any]:
    """The one error of the one node that is wrong."""
    found = validate(graph, folders)
    assert found.error == {
        "type": "prompt_outputs_failed_validation",
        "message": "Prompt outputs failed validation",
        "details": "",
        "extra_info": {},
    }
    assert list(found.node_errors) == [node_id]
    entry = found.node_errors[node_id]
    assert set(entry) == {"errors", "dependent_outputs", "class_type"}
    assert entry["class_type"] == graph[node_id]["class_type"]
    (error,) = entry["errors"]
    assert isinstance(error, dict)
    return error


def test_a_good_graph(folders: Folders) -> None:
    assert validate(txt2img(), folders) == Validation(("9",))


def test_missing_checkpoint(folders: Folders) -> None:
    graph = with_input(txt2img(), "4", "ckpt_name", "nothing.safetensors")
    error = node_error(folders, graph, "4")
    assert error["type"] == "value_not_in_list"
    assert error["message"] == "Value not in list"
    assert error["details"].startswith(
        "ckpt_name: 'nothing.safetensors' not in ['scenes-easy.safetensors', "
    )
    choices, options = error["extra_info"].pop("input_config")
    assert "scenes-hard.safetensors" in choices
    assert options == {}
    assert error["extra_info"] == {
        "input_name": "ckpt_name",
        "received_value": "nothing.safetensors",
    }


def test_long_lists_are_left_out(folders: Folders) -> None:
    graph = with_input(txt2img(), "3", "sampler_name", "no_such_sampler")
    assert node_error(folders, graph, "3") == {
        "type": "value_not_in_list",
        "message": "Value not in list",
        "details": "sampler_name: 'no_such_sampler' not in (list of length 42)",
        "extra_info": {
            "input_name": "sampler_name",
            "input_config": None,
            "received_value": "no_such_sampler",
        },
    }


STEPS = ["INT", {"default": 20, "min": 1, "max": 10000}]
SEED = ["INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True}]


@pytest.mark.parametrize(
    ("name", "value", "kind", "message", "config"),
    [
        ("steps", 0, "value_smaller_than_min", "Value 0 smaller than min of 1", STEPS),
        ("steps", 10001, "value_bigger_than_max", "Value 10001 bigger than max of 10000", STEPS),
        ("seed", -1, "value_smaller_than_min", "Value -1 smaller than min of 0", SEED),
        (
            "seed",
            2**64,
            "value_bigger_than_max",
            "Value 18446744073709551616 bigger than max of 18446744073709551615",
            SEED,
        ),
    ],
)
def test_values_out_of_range(
    folders: Folders, name: str, value: int, kind: str, message: str, config: Any
) -> None:
    assert node_error(folders, with_input(txt2img(), "3", name, value), "3") == {
        "type": kind,
        "message": message,
        "details": name,
        "extra_info": {"input_name": name, "input_config": config, "received_value": value},
    }


def test_values_that_are_no_numbers(folders: Folders) -> None:
    exception = "invalid literal for int() with base 10: 'many'"
    assert node_error(folders, with_input(txt2img(), "3", "steps", "many"), "3") == {
        "type": "invalid_input_type",
        "message": "Failed to convert an input value to a INT value",
        "details": f"steps, many, {exception}",
        "extra_info": {
            "input_name": "steps",
            "input_config": STEPS,
            "received_value": "many",
            "exception_message": exception,
        },
    }


def test_missing_input(folders: Folders) -> None:
    graph = txt2img()
    del graph["3"]["inputs"]["positive"]
    assert node_error(folders, graph, "3") == {
        "type": "required_input_missing",
        "message": "Required input is missing",
        "details": "positive",
        "extra_info": {"input_name": "positive"},
    }


def test_wrong_link_type(folders: Folders) -> None:
    graph = with_input(txt2img(), "8", "samples", ["4", 0])
    assert node_error(folders, graph, "8") == {
        "type": "return_type_mismatch",
        "message": "Return type mismatch between linked nodes",
        "details": "samples, received_type(MODEL) mismatch input_type(LATENT)",
        "extra_info": {
            "input_name": "samples",
            "input_config": ["LATENT", {}],
            "received_type": "MODEL",
            "linked_node": ["4", 0],
        },
    }


def test_links_of_wrong_length(folders: Folders) -> None:
    message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
    assert node_error(folders, with_input(noise(), "2", "image", ["1", 0, 1]), "2") == {
        "type": "bad_linked_input",
        "message": message,
        "details": "image",
        "extra_info": {
            "input_name": "image",
            "input_config": ["IMAGE", {}],
            "received_value": ["1", 0, 1],
        },
    }


def test_the_output_s_own_errors_are_in_the_details(folders: Folders) -> None:
    found = validate({"9": node("SaveImage", filename_prefix="x")}, folders)
    assert found.error is not None
    assert found.error["details"] == "Required input is missing: images"


def test_links_to_nowhere_are_an_exception_of_the_node_that_has_them(folders: Folders) -> None:
    error = node_error(folders, with_input(noise(), "2", "image", ["404", 0]), "2")
    info = error.pop("extra_info")
    assert error == {
        "type": "exception_during_inner_validation",
        "message": "Exception when validating inner node",
        "details": "'404'",
    }
    assert isinstance(info.pop("traceback"), list)
    assert info == {
        "input_name": "images",
        "input_config": ["IMAGE", {}],
        "exception_message": "'404'",
        "exception_type": "KeyError",
        "linked_node": ["2", 0],
    }


def test_an_output_s_own_link_to_nowhere(folders: Folders) -> None:
    found = validate({"9": node("PreviewImage", images=["404", 0])}, folders)
    assert found.error is not None
    assert found.error["details"] == "Exception when validating node: '404'"
    error = found.node_errors["9"]["errors"][0]
    assert error["type"] == "exception_during_validation"
    assert set(error["extra_info"]) == {"exception_type", "traceback"}


def test_a_slot_that_does_not_exist(folders: Folders) -> None:
    found = validate(with_input(noise(), "3", "images", ["2", 7]), folders)
    assert found.node_errors["3"]["errors"][0]["extra_info"]["exception_type"] == "IndexError"


def test_a_cycle_is_refused_without_a_word(folders: Folders) -> None:
    graph = {
        "a": node("ImageInvert", image=["b", 0]),
        "b": node("ImageInvert", image=["a", 0]),
        "9": node("PreviewImage", images=["a", 0]),
    }
    found = validate(graph, folders)
    assert found.error is not None
    assert found.error["type"] == "prompt_outputs_failed_validation"
    assert found.node_errors == {}


def test_a_missing_image(folders: Folders) -> None:
    graph = {"1": node("LoadImage", image="no.png"), "2": node("PreviewImage", images=["1", 0])}
    assert node_error(folders, graph, "1") == {
        "type": "custom_validation_failed",
        "message": "Custom validation failed for node",
        "details": "image - Invalid image file: no.png",
        "extra_info": {"input_name": "image"},
    }


@pytest.mark.parametrize(
    ("graph", "kind", "message", "details"),
    [
        (
            {"2": {"class_type": "NoSuchNode", "inputs": {}}},
            "invalid_prompt",
            "Cannot execute because node NoSuchNode does not exist.",
            "Node ID '#2'",
        ),
        (
            {"nodes": [{"id": 4, "type": "KSampler"}], "links": [], "version": 0.4},
            "invalid_prompt",
            "Cannot execute because a node is missing the class_type property.",
            "Node ID '#nodes'",
        ),
        ({}, "prompt_no_outputs", "Prompt has no outputs", ""),
        (
            {"1": node("EmptyImage", width=16, height=16, batch_size=1, color=0)},
            "prompt_no_outputs",
            "Prompt has no outputs",
            "",
        ),
    ],
)
def test_graphs_that_are_none(
    folders: Folders, graph: Any, kind: str, message: str, details: str
) -> None:
    error = {"type": kind, "message": message, "details": details, "extra_info": {}}
    assert validate(graph, folders) == Validation(error=error)


def test_one_bad_output_is_dropped(folders: Folders) -> None:
    graph = {**noise(), "7": node("SaveImage", filename_prefix="bad")}
    found = validate(graph, folders)
    assert found.outputs == ("3",)
    assert found.error is None
    assert found.node_errors["7"]["dependent_outputs"] == ["7"]


def test_a_shared_cause_names_all_outputs_that_depend_on_it(folders: Folders) -> None:
    graph = with_input(txt2img(), "4", "ckpt_name", "nothing.safetensors")
    graph["10"] = node("PreviewImage", images=["8", 0])
    found = validate(graph, folders)
    assert found.node_errors["4"]["dependent_outputs"] == ["9", "10"]


def test_unused_nodes_are_not_checked(folders: Folders) -> None:
    graph = {**noise(), "50": {"class_type": "EmptyImage"}}
    assert validate(graph, folders) == Validation(("3",))


def test_targets_limit_the_outputs(folders: Folders) -> None:
    graph = {**noise(), "9": node("PreviewImage", images=["1", 0])}
    assert validate(graph, folders, ["9"]).outputs == ("9",)


def test_values_are_converted_in_place(folders: Folders) -> None:
    graph = with_input(with_input(txt2img(), "3", "steps", 2.9), "3", "cfg", "7")
    graph = with_input(graph, "6", "text", {"__value__": ["a", "list"]})
    assert validate(graph, folders).error is None
    assert graph["3"]["inputs"]["steps"] == 2
    assert graph["3"]["inputs"]["cfg"] == 7.0
    assert graph["6"]["inputs"]["text"] == "['a', 'list']"
