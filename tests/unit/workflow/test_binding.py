from typing import Any

import pytest
from hypothesis import given

from orchestrator.errors import WorkflowError
from orchestrator.workflow.binding import bind
from orchestrator.workflow.graph import Graph
from tests.unit.workflow.graphs import (
    WIRED,
    bind_api,
    bound,
    given_or_error,
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


def test_finds_everything_in_the_plain_workflow() -> None:
    assert bound(bind_api(plain())) == {
        "positive": ["pos.text"],
        "negative": ["neg.text"],
        "seed": ["draw.seed"],
        "steps": ["draw.steps"],
        "cfg": ["draw.cfg"],
        "sampler": ["draw.sampler_name"],
        "scheduler": ["draw.scheduler"],
        "denoise": ["draw.denoise"],
        "width": ["latent.width"],
        "height": ["latent.height"],
        "batch": ["latent.batch_size"],
        "outputs": ["save"],
    }


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


FLUX = {
    "pos": text("a cat"),
    "guided": node("FluxGuidance", guidance=3.5, conditioning=["pos", 0]),
    "guider": node("BasicGuider", model=["ckpt", 0], conditioning=["guided", 0]),
    "noise": node("RandomNoise", noise_seed=9),
    "pick": node("KSamplerSelect", sampler_name="euler"),
    "schedule": node("BasicScheduler", scheduler="simple", steps=20, denoise=1.0),
    "draw": node("SamplerCustomAdvanced", noise=["noise", 0], guider=["guider", 0],
                 sampler=["pick", 0], sigmas=["schedule", 0], latent_image=["latent", 0]),
}  # fmt: skip


def test_finds_what_a_custom_sampler_is_made_of() -> None:
    assert bound(bind_api(plain(**FLUX, neg=None))) == {
        "positive": ["pos.text"],
        "seed": ["noise.noise_seed"],
        "steps": ["schedule.steps"],
        "cfg": ["guided.guidance"],
        "sampler": ["pick.sampler_name"],
        "scheduler": ["schedule.scheduler"],
        "denoise": ["schedule.denoise"],
        "width": ["latent.width"],
        "height": ["latent.height"],
        "batch": ["latent.batch_size"],
        "outputs": ["save"],
    }


@pytest.mark.parametrize(
    ("guider", "negative"),
    [
        (node("CFGGuider", positive=["pos", 0], negative=["neg", 0], cfg=4.0), "cfg"),
        (
            node(
                "DualCFGGuider",
                cond1=["pos", 0],
                cond2=["neg", 0],
                negative=["neg", 0],
                cfg_conds=4.0,
                cfg_cond2_negative=2.0,
            ),
            "cfg_conds",
        ),
        (
            node(
                "PerpNegGuider",
                positive=["pos", 0],
                negative=["neg", 0],
                empty_conditioning=["neg", 0],
                cfg=4.0,
            ),
            "cfg",
        ),
    ],
)
def test_a_guider_tells_the_poles_apart(guider: dict[str, Any], negative: str) -> None:
    found = bound(bind_api(plain(**{**FLUX, "guider": guider})))
    assert found["positive"] == ["pos.text"]
    assert found["negative"] == ["neg.text"]
    assert found["cfg"] == [f"guider.{negative}"]


@pytest.mark.parametrize(("cfg", "slot"), [(1, "guided.guidance"), (4.0, "draw.cfg")])
def test_cfg_is_the_guidance_where_real_cfg_is_off(cfg: float, slot: str) -> None:
    guided = node("FluxGuidance", guidance=3.5, conditioning=["pos", 0])
    binding = bind_api(plain(guided=guided, draw=sampler(positive=["guided", 0], cfg=cfg)))
    assert bound(binding)["cfg"] == [slot]


def test_values_over_links_are_bound_where_they_are_held() -> None:
    api = plain(
        seed=node("Seed (rgthree)", seed=4),
        number=node("PrimitiveInt", value=30),
        passed=node("Reroute", **{"": ["number", 0]}),
        size=node("Resolution", width=640, height=640),
        latent=node("EmptyLatentImage", width=["size", 0], height=["size", 1], batch_size=1),
        draw=sampler(["seed", 0], steps=["passed", 0]),
    )
    found = bound(bind_api(api))
    assert found["seed"] == ["seed.seed"]
    assert found["steps"] == ["number.value"]
    assert found["width"] == ["size.width"]
    assert found["height"] == ["size.height"]


def test_the_schedule_is_bound_at_its_source() -> None:
    more = node("ExtendIntermediateSigmas", sigmas=["schedule", 0], steps=2, spacing="linear")
    draw = {**FLUX["draw"]["inputs"], "sigmas": ["more", 0]}
    api = plain(**{**FLUX, "more": more, "draw": node("SamplerCustomAdvanced", **draw)})
    assert bound(bind_api(api))["steps"] == ["schedule.steps"]


def advanced(latent: str, start: int, end: int, **changes: Any) -> dict[str, Any]:
    inputs = {**sampler(latent=(latent, 0))["inputs"], "noise_seed": 7}
    del inputs["seed"], inputs["denoise"]
    window = {"add_noise": "enable", "start_at_step": start, "end_at_step": end}
    return node("KSamplerAdvanced", **{**inputs, **window, **changes})


def test_two_passes_are_bound_together() -> None:
    api = plain(
        pos2=text("a red circle "),
        draw=advanced("draw1", 15, 10000, noise_seed=0, positive=["pos2", 0], cfg=4.0),
        draw1=advanced("latent", 0, 15),
    )
    found = bound(bind_api(api))
    assert found["positive"] == ["pos.text", "pos2.text"]
    assert found["seed"] == ["draw1.noise_seed", "draw.noise_seed"]
    assert found["steps"] == ["draw1.steps", "draw.steps"]
    assert found["step_marks"] == ["draw1.end_at_step", "draw.start_at_step"]
    assert found["cfg"] == ["draw1.cfg"]
    assert found["width"] == ["latent.width"]


def test_passes_that_count_steps_differently_have_no_steps_to_set() -> None:
    api = plain(draw1=advanced("latent", 0, 15), draw=advanced("draw1", 20, 10000, steps=25))
    binding = bind_api(api)
    assert not binding.steps
    assert not binding.step_marks
    with pytest.raises(WorkflowError, match=r"count their steps differently: draw .* steps: 25"):
        binding.slots("steps")


def test_a_split_schedule_is_marked_where_it_is_split() -> None:
    split = node("SplitSigmas", sigmas=["schedule", 0], step=8)
    draw = {**FLUX["draw"]["inputs"], "sigmas": ["split", 0]}
    second = {**draw, "sigmas": ["split", 1], "latent_image": ["draw", 0]}
    api = plain(
        **{**FLUX, "draw": node("SamplerCustomAdvanced", **draw)},
        split=split,
        second=node("SamplerCustomAdvanced", **second),
        decode=node("VAEDecode", samples=["second", 0]),
    )
    assert bound(bind_api(api))["step_marks"] == ["split.step"]
    assert bound(bind_api(api))["steps"] == ["schedule.steps"]


DETAILER = node("FaceDetailer", image=["decode", 0], positive=["face", 0], negative=["neg", 0],
                seed=5, steps=12, cfg=7.0, sampler_name="euler", scheduler="normal", denoise=0.4,
                wildcard="")  # fmt: skip


def test_a_later_pass_keeps_a_prompt_of_its_own() -> None:
    api = plain(
        face=text("detailed face"), detail=DETAILER, save=node("SaveImage", images=["detail", 0])
    )
    found = bound(bind_api(api))
    assert found["positive"] == ["pos.text"]
    assert found["seed"] == ["draw.seed", "detail.seed"]
    assert found["steps"] == ["draw.steps"]
    assert found["denoise"] == ["draw.denoise"]
    assert found["cfg"] == ["draw.cfg", "detail.cfg"]


def test_a_lone_detailer_is_a_sampler_like_others() -> None:
    api = plain(
        face=text("detailed face"),
        draw=None,
        decode=node("LoadImage", image="me.png"),
        detail=DETAILER,
        save=node("SaveImage", images=["detail", 0]),
    )
    found = bound(bind_api(api))
    assert found["positive"] == ["face.text"]
    assert found["image"] == ["decode.image"]


def test_samplers_that_feed_no_output_do_not_count() -> None:
    left_over = sampler(99, positive=["other", 0])
    found = bound(bind_api(plain(other=text("something else"), left_over=left_over)))
    assert found["seed"] == ["draw.seed"]
    assert found["positive"] == ["pos.text"]


def test_two_samplers_with_one_prompt_are_bound_together() -> None:
    api = plain(
        other=sampler(8),
        decode2=node("VAEDecode", samples=["other", 0], vae=["ckpt", 2]),
        save2=node("SaveImage", images=["decode2", 0]),
    )
    found = bound(bind_api(api))
    assert found["positive"] == ["pos.text"]
    assert found["seed"] == ["draw.seed", "other.seed"]
    assert found["outputs"] == ["save", "save2"]


TWO_PROMPTS = plain(
    pos2=text("a blue square", "Second"),
    other=sampler(8, positive=["pos2", 0]),
    save2=node("SaveImage", images=["other", 0]),
)


@pytest.mark.parametrize(
    "api",
    [
        TWO_PROMPTS,
        plain(
            pos2=text("a blue square", "Second"),
            mix=node("ConditioningCombine", conditioning_1=["pos", 0], conditioning_2=["pos2", 0]),
            draw=sampler(positive=["mix", 0]),
        ),
    ],
)
def test_two_candidate_prompts_are_named(api: dict[str, Any]) -> None:
    with pytest.raises(WorkflowError) as error:
        bind_api(api)
    assert str(error.value) == (
        '2 candidates for the prompt: pos "Positive" text: a red circle; '
        'pos2 "Second" text: a blue square; choose, e.g. --bind prompt=pos.text'
    )
    assert bound(bind_api(api, {"prompt": "Second"}))["positive"] == ["pos2.text"]


def test_an_unclear_setting_is_told_only_when_it_is_used() -> None:
    api = plain(other=sampler(8, cfg=3.0), save2=node("SaveImage", images=["other", 0]))
    binding = bind_api(api)
    assert binding.slots("steps")
    with pytest.raises(WorkflowError, match=r"2 candidates for the cfg: .*--bind cfg=draw\.cfg"):
        binding.slots("cfg")


def test_a_role_that_no_workflow_has_gets_a_suggestion() -> None:
    with pytest.raises(WorkflowError, match=r'"step" to set .*did you mean "steps"'):
        bind_api(plain()).slots("step")


@pytest.mark.parametrize(
    ("api", "says"),
    [
        (plain(save=None), "no node returns pictures: add a SaveImage"),
        (
            plain(decode=node("LoadImage", image="a.png"), draw=None),
            "no sampler (a node that takes a seed and conditioning)",
        ),
        (
            plain(pos=node("Captioner", image=["ckpt", 0]), lost=text("a cat", "Lost")),
            'no prompt leads to a sampler; candidates: neg "Negative" text: blurry; lost "Lost"',
        ),
        (plain(pos=node("A"), neg=node("B")), "the workflow has no prompt"),
        (plain(draw=sampler(seed=["pos", 0])), "the workflow has no seed"),
    ],
)
def test_says_what_is_missing(api: dict[str, Any], says: str) -> None:
    with pytest.raises(WorkflowError) as error:
        bind_api(api)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("ends", "outputs"),
    [
        ({"save": node("PreviewImage", images=["decode", 0])}, ["save"]),
        ({"save": node("SaveImageWebsocket", images=["decode", 0])}, ["save"]),
        ({"save": node("Image Save", images=["decode", 0])}, ["save"]),
        ({"save": node("CustomThing", images=["decode", 0])}, ["save"]),
        ({"save": node("Save Image Plus", image=["decode", 0])}, ["save"]),
        ({"look": node("PreviewImage", images=["decode", 0])}, ["save"]),
        ({"size": node("GetImageSize", image=["decode", 0])}, ["save"]),
        (
            {
                "save": node("Image Save", images=["decode", 0]),
                "look": node("PreviewImage", images=["decode", 0]),
            },
            ["save", "look"],
        ),
        (
            {
                "pic": node("LoadImage", image="a.png"),
                "canny": node("Canny", image=["pic", 0]),
                "edges": node("PreviewImage", images=["canny", 0]),
            },
            ["save"],
        ),
        (
            {
                "again": sampler(latent=("draw", 0)),
                "small": node("SaveImage", images=["decode", 0]),
                "decode2": node("VAEDecode", samples=["again", 0], vae=["ckpt", 2]),
                "save": node("SaveImage", images=["decode2", 0]),
            },
            ["save"],
        ),
    ],
)
def test_outputs_are_the_nodes_that_return_finished_pictures(
    ends: dict[str, Any], outputs: list[str]
) -> None:
    assert bound(bind_api(plain(**ends)))["outputs"] == outputs


def test_circles_and_very_deep_graphs_are_walked_once() -> None:
    chain = {
        f"c{i}": node(
            "ConditioningConcat", conditioning_to=[f"c{i + 1}", 0], conditioning_from=["pos", 0]
        )
        for i in range(5000)
    }
    chain["c5000"] = node("Reroute", **{"": ["c0", 0]})
    assert positive_through(**chain) == ["pos.text"]


@given(WIRED)
def test_any_graph_binds_or_is_explained(api: dict[str, Any]) -> None:
    result = given_or_error(lambda: bind(Graph.from_api(api)))
    if isinstance(result, WorkflowError):
        assert len(str(result).splitlines()) == 1
        return
    assert result.positive
    assert result.seed
    assert result.outputs
    for role, why in result.unclear.items():
        assert not getattr(result, role)
        assert len(why.splitlines()) == 1
