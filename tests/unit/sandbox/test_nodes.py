"""What the nodes do, run as graphs."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.sandbox.driver import Server, node, txt2img

Pixels = Any


async def pictures(server: Server, graph: Any, prompt_id: str = "p") -> list[Pixels]:
    """Run a graph; the saved pictures as arrays."""
    frames = await server.run(graph, prompt_id=prompt_id)
    errors = [f["data"]["exception_message"] for f in frames if f["type"] == "execution_error"]
    assert not errors
    found = []
    for frame in frames:
        if frame["type"] == "executed":
            for ref in frame["data"]["output"]["images"]:
                async with server.session.get(server.url + "/view", params=ref) as response:
                    found.append(np.asarray(Image.open(BytesIO(await response.read())), float))
    return found


async def truth(server: Server, prompt_id: str = "p") -> Any:
    return await server.get(f"/_sandbox/truth/{prompt_id}")


def advanced(graph: Any, start: int, end: int, *, noise: bool, leftover: bool, latent: Any) -> Any:
    """A KSamplerAdvanced like the graph's KSampler."""
    inputs = dict(graph["3"]["inputs"])
    del inputs["denoise"]
    return node(
        "KSamplerAdvanced",
        **{
            **inputs,
            "latent_image": latent,
            "noise_seed": inputs.pop("seed"),
            "add_noise": "enable" if noise else "disable",
            "start_at_step": start,
            "end_at_step": end,
            "return_with_leftover_noise": "enable" if leftover else "disable",
        },
    )


def refined(steps: int, switch: int) -> Any:
    graph = txt2img(steps=steps)
    graph["30"] = advanced(graph, 0, switch, noise=True, leftover=True, latent=["5", 0])
    graph["3"] = advanced(graph, switch, 10000, noise=False, leftover=False, latent=["30", 0])
    return graph


async def test_a_refiner_finishes_the_picture_of_the_first_pass(server: Server) -> None:
    (whole,) = await pictures(server, txt2img(steps=5))
    (finished,) = await pictures(server, refined(5, 3), "refined")
    assert np.array_equal(finished, whole)
    told = await truth(server, "refined")
    assert told["steps"] == 5
    assert [picture["node"] for picture in told["pictures"]] == ["30"]


async def test_leftover_noise_is_seen(server: Server) -> None:
    (whole,) = await pictures(server, txt2img(steps=5))
    graph = refined(5, 2)
    graph["8"]["inputs"]["samples"] = ["30", 0]
    (unfinished,) = await pictures(server, graph)
    assert not np.array_equal(unfinished, whole)
    assert (await truth(server))["steps"] == 2


async def test_a_second_pass_keeps_the_scene_at_a_new_size(server: Server) -> None:
    graph = txt2img()
    second = {**graph["3"]["inputs"], "latent_image": ["20", 0], "denoise": 0.5, "seed": 9}
    graph["20"] = node(
        "LatentUpscale",
        **{"samples": ["3", 0], "upscale_method": "bislerp", "crop": "disabled"},
        **{"width": 128, "height": 96},
    )
    graph["30"] = node("KSampler", **second)
    graph["8"]["inputs"]["samples"] = ["30", 0]
    (picture,) = await pictures(server, graph)
    assert picture.shape == (96, 128, 3)
    told = await truth(server)
    assert [picture["settings"]["seed"] for picture in told["pictures"]] == [1]
    assert told["steps"] == 4


def img2img(denoise: float) -> Any:
    graph = txt2img()
    graph["1"] = node("EmptyImage", width=64, height=64, batch_size=1, color=0xFF00FF)
    graph["5"] = node("VAEEncode", pixels=["1", 0], vae=["4", 2])
    graph["3"]["inputs"]["denoise"] = denoise
    return graph


async def test_img2img_keeps_of_the_image_what_denoise_leaves(server: Server) -> None:
    def distance(picture: Pixels) -> float:
        return float(np.abs(picture - (255, 0, 255)).mean())

    far = [distance((await pictures(server, img2img(d), f"p{d}"))[0]) for d in (0, 0.3, 0.6, 1.0)]
    assert far[0] == 0
    assert far == sorted(far)
    assert far[1] == pytest.approx(0.3 * far[3], rel=0.02)
    assert (await truth(server, "p0"))["steps"] == 0
    assert (await truth(server, "p0.3"))["pictures"][0]["denoise"] == 0.3


async def test_left_out_steps_keep_as_much_of_the_image_as_a_lower_denoise(server: Server) -> None:
    (lower,) = await pictures(server, img2img(0.5))
    graph = img2img(1.0)
    graph["3"] = advanced(graph, 1, 10000, noise=True, leftover=False, latent=["5", 0])
    (later,) = await pictures(server, graph)
    assert np.array_equal(later, lower)
    assert (await truth(server))["steps"] == 1


async def test_a_batch_has_different_pictures(server: Server) -> None:
    first, second = await pictures(server, txt2img(batch_size=2))
    assert not np.array_equal(first, second)
    (alone,) = await pictures(server, txt2img())
    assert np.array_equal(alone, first)


async def test_batches_repeat_and_split(server: Server) -> None:
    graph = txt2img()
    graph["20"] = node("RepeatLatentBatch", samples=["5", 0], amount=3)
    graph["3"]["inputs"]["latent_image"] = ["20", 0]
    graph["21"] = node("LatentFromBatch", samples=["3", 0], batch_index=1, length=9)
    graph["8"]["inputs"]["samples"] = ["21", 0]
    assert len(await pictures(server, graph)) == 2
    assert len((await truth(server))["pictures"]) == 3


async def test_an_empty_latent_decodes_to_an_empty_picture(server: Server) -> None:
    graph = txt2img()
    graph["8"]["inputs"]["samples"] = ["5", 0]
    (picture,) = await pictures(server, graph)
    assert np.ptp(picture, axis=(0, 1)).max() == 0


async def test_equal_seeds_draw_equal_pictures_and_others_do_not(server: Server) -> None:
    (first,) = await pictures(server, txt2img(seed=3))
    (other,) = await pictures(server, txt2img(seed=4))
    (again,) = await pictures(server, txt2img(seed=3))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def flux(guidance: float | None = None, steps: int = 4, unet: str = "flux1-dev") -> Any:
    conditioning = ["6", 0] if guidance is None else ["26", 0]
    return {
        "5": node("EmptySD3LatentImage", width=64, height=64, batch_size=1),
        "6": node("CLIPTextEncode", text="a red circle", clip=["11", 0]),
        "26": node("FluxGuidance", conditioning=["6", 0], guidance=guidance or 1.0),
        "8": node("VAEDecode", samples=["13", 0], vae=["10", 0]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="flux"),
        "10": node("VAELoader", vae_name="ae.safetensors"),
        "11": node(
            "DualCLIPLoader",
            **{"clip_name1": "t5xxl_fp16.safetensors", "clip_name2": "clip_l.safetensors"},
            type="flux",
        ),
        "12": node("UNETLoader", unet_name=f"{unet}.safetensors", weight_dtype="default"),
        "13": node(
            "SamplerCustomAdvanced",
            **{"noise": ["25", 0], "guider": ["22", 0], "sampler": ["16", 0]},
            **{"sigmas": ["17", 0], "latent_image": ["5", 0]},
        ),
        "16": node("KSamplerSelect", sampler_name="euler"),
        "17": node("BasicScheduler", scheduler="simple", steps=steps, denoise=1, model=["30", 0]),
        "22": node("BasicGuider", model=["30", 0], conditioning=conditioning),
        "25": node("RandomNoise", noise_seed=7),
        "30": node(
            "ModelSamplingFlux",
            **{"model": ["12", 0], "max_shift": 1.15, "base_shift": 0.5},
            **{"width": 64, "height": 64},
        ),
    }


@pytest.mark.parametrize(
    ("graph", "cfg", "steps"),
    [
        (flux(), 7.0, 4),
        (flux(guidance=7.0), 14.0, 4),
        (flux(unet="flux1-schnell"), 7.0, 20),
    ],
)
async def test_models_are_at_home_at_their_own_settings(
    server: Server, graph: Any, cfg: float, steps: int
) -> None:
    await pictures(server, graph)
    told = await truth(server)
    (picture,) = told["pictures"]
    assert (picture["settings"]["cfg"], picture["settings"]["steps"]) == (cfg, steps)
    assert told["steps"] == 4


async def test_the_hard_checkpoint_draws_the_hard_world(server: Server) -> None:
    graph = txt2img()
    graph["4"]["inputs"]["ckpt_name"] = "scenes-hard.safetensors"
    await pictures(server, graph)
    (picture,) = (await truth(server))["pictures"]
    assert picture["settings"]["checkpoint"] == "scenes-hard.safetensors"


def wanted(picture: Any) -> list[str]:
    return sorted(phrase["text"] for phrase in picture["phrases"])


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (
            {"20": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["60", 0])},
            ["blue square", "circle", "red circle", "square"],
        ),
        (
            {
                "20": node(
                    "ConditioningConcat", conditioning_to=["6", 0], conditioning_from=["6", 0]
                )
            },
            ["circle", "red circle"],
        ),
        ({"20": node("ConditioningZeroOut", conditioning=["6", 0])}, []),
        (
            {
                "20": node(
                    "ConditioningSetTimestepRange", conditioning=["60", 0], start=0.0, end=1.0
                )
            },
            ["blue square", "square"],
        ),
        (
            {
                "20": node(
                    "CLIPTextEncodeFlux",
                    **{"clip": ["4", 1], "clip_l": "a star", "t5xxl": "a star", "guidance": 3.5},
                )
            },
            ["star"],
        ),
        (
            {
                "20": node("CLIPTextEncode", text=["21", 0], clip=["4", 1]),
                "21": node("StringConcatenate", string_a="a", string_b="ring", delimiter=" "),
            },
            ["ring"],
        ),
    ],
)
async def test_conditionings(server: Server, nodes: Any, expected: list[str]) -> None:
    graph = {**txt2img(), **nodes}
    graph["60"] = node("CLIPTextEncode", text="a blue square", clip=["4", 1])
    graph["3"]["inputs"]["positive"] = ["20", 0]
    await pictures(server, graph)
    assert wanted((await truth(server))["pictures"][0]) == expected


async def test_images_are_scaled_cropped_inverted_and_batched(server: Server) -> None:
    graph = {
        "1": node("EmptyImage", width=40, height=20, batch_size=1, color=0x102030),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("ImageBatch", image1=["1", 0], image2=["2", 0]),
        "4": node(
            "ImageScale",
            **{"image": ["3", 0], "upscale_method": "area", "crop": "center"},
            **{"width": 0, "height": 10},
        ),
        "5": node("ImageScaleBy", image=["4", 0], upscale_method="area", scale_by=1.5),
        "9": node("PreviewImage", images=["5", 0]),
    }
    first, second = await pictures(server, graph)
    assert first.shape == second.shape == (15, 30, 3)
    assert tuple(first[7, 7]) == (0x10, 0x20, 0x30)
    assert tuple(second[7, 7]) == (255 - 0x10, 255 - 0x20, 255 - 0x30)
