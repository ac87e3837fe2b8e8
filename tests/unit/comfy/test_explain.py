from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.comfy.events import Failed
from orchestrator.comfy.explain import Explainer

SERVER = "http://comfy.test:8188"
INFO = {
    "KSampler": {
        "input": {"required": {"sampler_name": [["euler", "dpmpp_2m", "ddim"], {"tooltip": "x"}]}}
    },
    "SaveImage": {"input": {}},
    "NewLoader": {"input": {"optional": {"name": ["COMBO", {"options": ["a.gguf", "b.gguf"]}]}}},
}
JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["error", "node_errors", "errors", "type", "extra_info", "3"]), inner
        )
    ),
    max_leaves=10,
)


def explainer(graph: Any) -> Explainer:
    return Explainer(SERVER, graph or {}, INFO)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "missing-checkpoint",
            "CheckpointLoaderSimple #4: ckpt_name 'nothing.safetensors' is not installed on "
            f"{SERVER}; there are scenes-easy.safetensors, v1-5-pruned-emaonly.safetensors",
        ),
        ("unknown-class", f"NoSuchNode #2: 'NoSuchNode' is not installed on {SERVER}"),
        ("ui-format-nodes-first", "node #nodes has no class_type: this is not API format"),
        ("value-too-small", "KSampler #3: steps is 0; allowed are 1 to 10000"),
        (
            "value-not-in-list",
            f"KSampler #3: sampler_name 'no_such_sampler' is not known to {SERVER}; "
            "there are euler, dpmpp_2m, ddim",
        ),
        ("wrong-type-int", "KSampler #3: steps is 'many', which is no INT"),
        ("missing-required-input", "SaveImage #9: required input 'images' is missing"),
        ("bad-link-type", "KSampler #3: model takes MODEL, not CLIP"),
        (
            "bad-link-length",
            "KSampler #3: Bad linked input, "
            "must be a length-2 list of [node_id, slot_index]: model",
        ),
        (
            "link-to-missing-node",
            "KSampler #3: model is linked to node #404, which is not there",
        ),
        (
            "load-image-missing-file",
            "LoadImage #1: Custom validation failed for node: "
            "image - Invalid image file: not-there.png",
        ),
        ("no-outputs", "it has no output node, such as SaveImage, so there is nothing to run"),
        ("no-prompt-key", "No prompt provided: No prompt provided"),
    ],
)
def test_recorded_refusals(refusals: dict[str, Any], name: str, line: str) -> None:
    refusal = refusals[name]
    said = explainer(refusal["prompt"]).rejection(refusal["body"])
    assert said == f"{SERVER} refuses the workflow: {line}"


def test_several_errors_come_in_the_order_of_the_graph(refusals: dict[str, Any]) -> None:
    refusal = refusals["two-nodes-bad"]
    said = explainer(refusal["prompt"]).rejection(refusal["body"])
    assert said.index("ckpt_name") < said.index("steps")
    assert "\n" not in said


def error(type_: str, name: str, value: object, config: object = None) -> dict[str, Any]:
    about = {"input_name": name, "received_value": value, "input_config": config}
    return {"type": type_, "message": "Wrong", "details": name, "extra_info": about}


def one(errors: list[dict[str, Any]], class_type: str = "KSampler", **more: Any) -> str:
    graph = {"3": {"class_type": class_type, "inputs": {}, **more}}
    (*_, line) = explainer(graph).dropped({"3": {"errors": errors}})
    return line


def test_a_node_goes_by_its_title() -> None:
    line = one([error("required_input_missing", "model", None)], _meta={"title": "Second pass"})
    assert line.startswith("'Second pass' (KSampler #3): ")


def test_the_nearest_choice_is_proposed() -> None:
    near = [["v1-5-pruned-emaonly.safetensors", "sd_xl_base_1.0.safetensors"], {}]
    line = one([error("value_not_in_list", "ckpt_name", "sdxl_base_1.0.safetensors", near)])
    assert line.endswith(
        f"'sdxl_base_1.0.safetensors' is not installed on {SERVER}; "
        "did you mean 'sd_xl_base_1.0.safetensors'?"
    )


def test_the_only_choice_is_proposed() -> None:
    only = [["v1-5-pruned-emaonly.safetensors"], {}]
    line = one([error("value_not_in_list", "ckpt_name", "sd15.safetensors", only)])
    assert line.endswith("; did you mean 'v1-5-pruned-emaonly.safetensors'?")


def test_extensions_do_not_make_names_alike() -> None:
    config = [["flux.safetensors", "wan.safetensors"], {}]
    assert "mean" not in one([error("value_not_in_list", "ckpt_name", "sd15.safetensors", config)])


def test_choices_that_the_answer_leaves_out_come_from_object_info() -> None:
    line = one([error("value_not_in_list", "sampler_name", "eular")])
    assert line.endswith(f"'eular' is not known to {SERVER}; did you mean 'euler'?")
    line = one([error("value_not_in_list", "name", "c.gguf")], class_type="NewLoader")
    assert line.endswith("; there are a.gguf, b.gguf")


def test_no_choices_at_all() -> None:
    line = one([error("value_not_in_list", "ckpt_name", "a.ckpt", [[], {}])])
    assert line.endswith(f"'a.ckpt' is not installed on {SERVER}")


def test_values_of_secret_inputs_are_not_shown() -> None:
    line = one([error("invalid_input_type", "api_key", "sk-123", ["INT", {}])])
    assert "sk-123" not in line
    assert "(hidden)" in line


def test_more_than_three_errors_are_counted() -> None:
    errors = [error("required_input_missing", f"in{number}", None) for number in range(5)]
    said = explainer({}).rejection({"node_errors": {"3": {"errors": errors}}})
    assert said.endswith("'in2' is missing; and 2 more")


def test_failures() -> None:
    graph = {"3": {"class_type": "KSampler", "inputs": {}, "_meta": {"title": "Sampler"}}}
    explain = explainer(graph).failure
    failed = Failed("p", "3", "KSampler", "a.b.RuntimeError", "Given groups=1\n\nTIPS: none")
    assert explain(failed) == (
        f"'Sampler' (KSampler #3) failed on {SERVER}: RuntimeError: Given groups=1"
    )
    oom = Failed("p", "3", "KSampler", "torch.OutOfMemoryError", "Allocation on device 0")
    assert explain(oom) == (
        f"'Sampler' (KSampler #3) ran out of memory on {SERVER}: Allocation on device 0"
    )
    blocked = Failed("p", "3", "KSampler", "ExecutionBlocked", "Execution Blocked: off")
    assert explain(blocked) == "'Sampler' (KSampler #3) gave no output: Execution Blocked: off"
    assert explain(Failed("p", None, "", "", "gone")) == f"the prompt failed on {SERVER}: gone"


def test_a_server_cannot_write_to_the_terminal() -> None:
    said = explainer({}).failure(Failed("p", "3", "X", "E", "\x1b[31mred\x07 " + "long " * 200))
    assert said.isprintable()
    assert len(said) < 400


@given(JSON)
def test_any_body_makes_one_line(body: Any) -> None:
    said = explainer({"3": body}).rejection(body)
    assert said.startswith(SERVER)
    assert said.isprintable()
