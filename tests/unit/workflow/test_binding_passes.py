from typing import Any

import pytest

from orchestrator.errors import WorkflowError
from tests.unit.workflow.graphs import (
    FLUX,
    advanced,
    bind_api,
    bound,
    node,
    plain,
    sampler,
    text,
)


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


@pytest.mark.parametrize(
    ("ends", "outputs"),
    [
        ({"save": node("PreviewImage", images=["decode", 0])}, ["save"]),
        ({"save": node("SaveImageWebsocket", images=["decode", 0])}, ["save"]),
        ({"save": node("Image Save", images=["decode", 0])}, ["save"]),
        ({"save": node("CustomThing", images=["decode", 0])}, ["save"]),
        ({"save": node("Save Image Plus", image=["decode", 0])}, ["save"]),
        ({"look": node("PreviewImage", images=["decode", 0])}, ["save"]),
        (
            {
                "inverted": node("ImageInvert", image=["decode", 0]),
                "look": node("PreviewImage", images=["inverted", 0]),
            },
            ["save"],
        ),
        ({"save": None, "draw": sampler(image_output="Preview"), "decode": None}, ["draw"]),
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
        (
            {
                "again": sampler(latent=("draw", 0)),
                "small": node("SaveImage", images=["decode", 0]),
                "decode2": node("VAEDecode", samples=["again", 0], vae=["ckpt", 2]),
                "save": node("PreviewImage", images=["decode2", 0]),
            },
            ["save"],
        ),
    ],
)
def test_outputs_are_the_nodes_that_return_finished_pictures(
    ends: dict[str, Any], outputs: list[str]
) -> None:
    assert bound(bind_api(plain(**ends)))["outputs"] == outputs
