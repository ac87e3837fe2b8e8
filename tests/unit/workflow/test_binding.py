from typing import Any

import pytest
from hypothesis import given

from orchestrator.errors import WorkflowError
from orchestrator.workflow.binding import bind
from orchestrator.workflow.graph import Graph
from tests.unit.workflow.graphs import (
    FLUX,
    WIRED,
    bind_api,
    bound,
    given_or_error,
    node,
    plain,
    sampler,
    text,
)


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
