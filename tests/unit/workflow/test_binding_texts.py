from typing import Any

import pytest

from orchestrator.errors import WorkflowError
from tests.unit.workflow.graphs import (
    bind_api,
    bound,
    node,
    plain,
    sampler,
    text,
)


def positive_through(**nodes: dict[str, Any]) -> list[str]:
    """Where the prompt is found when the sampler's positive comes from the first of `nodes`."""
    first = next(iter(nodes))
    binding = bind_api(plain(draw=sampler(positive=[first, 0]), **nodes))
    return [str(slot) for slot in binding.positive]


@pytest.mark.parametrize(
    "nodes",
    [
        {"a": node("FluxGuidance", guidance=3.5, conditioning=["pos", 0])},
        {"a": node("ConditioningSetArea", conditioning=["pos", 0], width=64, strength=1.0)},
        {"a": node("ConditioningCombine", conditioning_1=["pos", 0], conditioning_2=["pos", 0])},
        {"a": node("ConditioningConcat", conditioning_to=["pos", 0], conditioning_from=["pos", 0])},
        {"a": node("ConditioningAverage", conditioning_to=["pos", 0], conditioning_from=["b", 0]),
         "b": text("")},
        {"a": node("ControlNetApplyAdvanced", positive=["pos", 0], negative=["neg", 0],
                   control_net=["cn", 0], image=["pic", 0], strength=1.0),
         "cn": node("ControlNetLoader", control_net_name="canny.safetensors"),
         "pic": node("LoadImage", image="edges.png")},
        {"a": node("unCLIPConditioning", conditioning=["pos", 0], clip_vision_output=["ckpt", 3])},
        {"a": node("GLIGENTextBoxApply", conditioning_to=["pos", 0], text="a box", width=64)},
        {"a": node("Reroute", **{"": ["pos", 0]})},
        {"a": node("Any Switch (rgthree)", any_01=["pos", 0], any_02=["b", 0]),
         "b": node("Reroute", **{"": ["pos", 0]})},
        {"a": node("SomebodysNode", model=["ckpt", 0], thing=["pos", 0], image=["ckpt", 0])},
    ],
)  # fmt: skip
def test_the_prompt_is_found_through(nodes: dict[str, dict[str, Any]]) -> None:
    assert positive_through(**nodes) == ["pos.text"]


def test_the_poles_stay_apart_in_a_node_that_takes_both() -> None:
    both = {"positive": ["pos", 0], "negative": ["neg", 0]}
    api = plain(
        a=node("ControlNetApplyAdvanced", **both, strength=0.5),
        draw=sampler(positive=["a", 0], negative=["a", 1]),
    )
    assert bound(bind_api(api))["positive"] == ["pos.text"]
    assert bound(bind_api(api))["negative"] == ["neg.text"]


def test_a_loader_may_hold_both_texts_itself() -> None:
    loader = node("Efficient Loader", ckpt_name="a", positive="a cat", negative="bad", vae="b")
    api = plain(eff=loader, draw=sampler(positive=["eff", 1], negative=["eff", 2]))
    assert bound(bind_api(api))["positive"] == ["eff.positive"]
    assert bound(bind_api(api))["negative"] == ["eff.negative"]


def test_a_pipe_carries_both_poles() -> None:
    pipe = node("ToBasicPipe", model=["ckpt", 0], positive=["pos", 0], negative=["neg", 0])
    draw = node("ImpactKSamplerBasicPipe", basic_pipe=["pipe", 0], seed=3, steps=9, cfg=5.0)
    found = bound(bind_api(plain(pipe=pipe, draw=draw)))
    assert found["positive"] == ["pos.text"]
    assert found["negative"] == ["neg.text"]
    assert found["seed"] == ["draw.seed"]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"text_g": "a cat", "text_l": "a cat"}, ["pos.text_g", "pos.text_l"]),
        ({"clip_l": "a cat", "t5xxl": "a cat\n", "guidance": 3.5}, ["pos.clip_l", "pos.t5xxl"]),
        ({"clip_l": "", "t5xxl": "a cat"}, ["pos.t5xxl"]),
        ({"clip_l": "", "t5xxl": ""}, ["pos.clip_l", "pos.t5xxl"]),
        ({"prompt": "a cat", "image1": ["pic", 0]}, ["pos.prompt"]),
        ({"system_prompt": "superior", "user_prompt": "a cat"}, ["pos.user_prompt"]),
    ],
)
def test_the_texts_of_an_encoder_are_one_prompt(inputs: Any, expected: list[str]) -> None:
    pic = node("LoadImage", image="a.png")
    api = plain(pos=node("Encode", clip=["ckpt", 1], **inputs), pic=pic)
    assert bound(bind_api(api))["positive"] == expected


@pytest.mark.parametrize(
    ("holder", "slot"),
    [
        (node("PrimitiveStringMultiline", value="a cat"), "s.value"),
        (node("StringConstant", string="a cat"), "s.string"),
        (node("Text Multiline", text="a cat"), "s.text"),
        (node("StringReplace", string="a cat", find="cat", replace="dog"), "s.string"),
        (node("easy positive", positive="a cat"), "s.positive"),
    ],
)
def test_a_text_over_a_link_is_where_it_is_written(holder: dict[str, Any], slot: str) -> None:
    api = plain(s=holder, pos=node("CLIPTextEncode", text=["s", 0], clip=["ckpt", 1]))
    assert bound(bind_api(api))["positive"] == [slot]


def test_a_styler_has_a_text_for_each_pole() -> None:
    styler = node("SDXLPromptStyler", text_positive="a cat", text_negative="bad", style="anime")
    encode = {"clip": ["ckpt", 1]}
    api = plain(
        s=styler,
        pos=node("CLIPTextEncode", text=["s", 0], **encode),
        neg=node("CLIPTextEncode", text=["s", 1], **encode),
    )
    assert bound(bind_api(api))["positive"] == ["s.text_positive"]
    assert bound(bind_api(api))["negative"] == ["s.text_negative"]


@pytest.mark.parametrize(
    "changes",
    [
        {"zero": node("ConditioningZeroOut", conditioning=["pos", 0]),
         "draw": sampler(negative=["zero", 0])},
        {"draw": sampler(negative=["pos", 0])},
    ],
)  # fmt: skip
def test_a_negative_that_says_nothing_of_its_own_is_none(changes: dict[str, Any]) -> None:
    binding = bind_api(plain(neg=None, **changes))
    assert binding.positive
    assert not binding.negative
    with pytest.raises(WorkflowError, match="the workflow has no negative"):
        binding.slots("negative")


def test_circles_and_very_deep_graphs_are_walked_once() -> None:
    chain = {
        f"c{i}": node(
            "ConditioningConcat", conditioning_to=[f"c{i + 1}", 0], conditioning_from=["pos", 0]
        )
        for i in range(5000)
    }
    chain["c5000"] = node("Reroute", **{"": ["c0", 0]})
    assert positive_through(**chain) == ["pos.text"]
