"""The samplers, and what is plugged into the custom one: noise, guiders, sigmas.

Every way to sample ends in `_sample`: imagine what the prompt's picture will be, then let steps
pass and show it emerging. A latent that was sampled before keeps its dream as long as no full
denoise wipes it: that is how refiners and second passes work.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from orchestrator.sandbox import render, world
from orchestrator.sandbox.catalogue import SAMPLERS, SCHEDULERS
from orchestrator.sandbox.nodes.base import (
    CONDITIONING,
    LATENT,
    MODEL,
    SEED,
    Context,
    Encoded,
    Input,
    integer,
    node,
    number,
)
from orchestrator.sandbox.prompt import read
from orchestrator.sandbox.values import (
    Conditioning,
    Dream,
    Guider,
    Latent,
    Model,
    Noise,
    Picture,
    Sampler,
    Sigmas,
)

_STEPS: Final = integer(20, 1, 10000)
_CFG: Final = number(8.0, 0.0, 100.0, 0.1, round=0.01)
_DENOISE: Final = number(1.0, 0.0, 1.0, 0.01)
_SAMPLER: Final = Input(SAMPLERS)
_SCHEDULER: Final = Input(SCHEDULERS)
_SWITCH: Final = ("enable", "disable")
_CUSTOM: Final = "sampling/custom_sampling"
_CUSTOM_MODULE: Final[dict[str, Any]] = {"module": "comfy_extras.nodes_custom_sampler"}


@node(
    "KSampler",
    "sampling",
    {
        "model": MODEL,
        "seed": SEED,
        "steps": _STEPS,
        "cfg": _CFG,
        "sampler_name": _SAMPLER,
        "scheduler": _SCHEDULER,
        "positive": CONDITIONING,
        "negative": CONDITIONING,
        "latent_image": LATENT,
        "denoise": _DENOISE,
    },
    "LATENT",
)
async def ksampler(
    context: Context,
    model: Model,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    denoise: float,
) -> Latent:
    return await _sample(
        context,
        Noise(seed),
        Guider(model, positive, negative, cfg),
        sampler_name,
        Sigmas(scheduler, steps, denoise),
        latent_image,
    )


@node(
    "KSamplerAdvanced",
    "sampling",
    {
        "model": MODEL,
        "add_noise": Input(_SWITCH),
        "noise_seed": SEED,
        "steps": _STEPS,
        "cfg": _CFG,
        "sampler_name": _SAMPLER,
        "scheduler": _SCHEDULER,
        "positive": CONDITIONING,
        "negative": CONDITIONING,
        "latent_image": LATENT,
        "start_at_step": integer(0, 0, 10000),
        "end_at_step": integer(10000, 0, 10000),
        "return_with_leftover_noise": Input(_SWITCH[::-1]),
    },
    "LATENT",
    title="KSampler (Advanced)",
)
async def ksampler_advanced(
    context: Context,
    model: Model,
    add_noise: str,
    noise_seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    start_at_step: int,
    end_at_step: int,
    return_with_leftover_noise: str,
) -> Latent:
    return await _sample(
        context,
        Noise(noise_seed, add_noise == "enable"),
        Guider(model, positive, negative, cfg),
        sampler_name,
        # Steps that are left out leave as much of the image as a lower denoise would.
        Sigmas(scheduler, steps, denoise=1 - min(start_at_step, steps) / steps),
        latent_image,
        start=start_at_step,
        end=min(end_at_step, steps),
        leftover=return_with_leftover_noise == "enable",
    )


@node(
    "SamplerCustomAdvanced",
    _CUSTOM,
    {
        "noise": Input("NOISE"),
        "guider": Input("GUIDER"),
        "sampler": Input("SAMPLER"),
        "sigmas": Input("SIGMAS"),
        "latent_image": LATENT,
    },
    ("LATENT", "LATENT"),
    output_names=("output", "denoised_output"),
    **_CUSTOM_MODULE,
)
async def sampler_custom_advanced(
    context: Context,
    noise: Noise,
    guider: Guider,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: Latent,
) -> tuple[Latent, Latent]:
    latent = await _sample(context, noise, guider, sampler.name, sigmas, latent_image)
    return latent, latent


@node("RandomNoise", f"{_CUSTOM}/noise", {"noise_seed": SEED}, "NOISE", **_CUSTOM_MODULE)
def random_noise(noise_seed: int) -> Noise:
    return Noise(noise_seed)


@node("DisableNoise", f"{_CUSTOM}/noise", {}, "NOISE", **_CUSTOM_MODULE)
def disable_noise() -> Noise:
    return Noise(0, enabled=False)


@node(
    "KSamplerSelect", f"{_CUSTOM}/samplers", {"sampler_name": _SAMPLER}, "SAMPLER", **_CUSTOM_MODULE
)
def select_sampler(sampler_name: str) -> Sampler:
    return Sampler(sampler_name)


@node(
    "BasicScheduler",
    f"{_CUSTOM}/schedulers",
    {"model": MODEL, "scheduler": _SCHEDULER, "steps": _STEPS, "denoise": _DENOISE},
    "SIGMAS",
    **_CUSTOM_MODULE,
)
def basic_scheduler(model: Model, scheduler: str, steps: int, denoise: float) -> Sigmas:
    return Sigmas(scheduler, steps, denoise)


@node(
    "BasicGuider",
    f"{_CUSTOM}/guiders",
    {"model": MODEL, "conditioning": CONDITIONING},
    "GUIDER",
    **_CUSTOM_MODULE,
)
def basic_guider(model: Model, conditioning: Conditioning) -> Guider:
    return Guider(model, conditioning, Conditioning(), cfg=1.0)


@node(
    "CFGGuider",
    f"{_CUSTOM}/guiders",
    {"model": MODEL, "positive": CONDITIONING, "negative": CONDITIONING, "cfg": _CFG},
    "GUIDER",
    **_CUSTOM_MODULE,
)
def cfg_guider(model: Model, positive: Conditioning, negative: Conditioning, cfg: float) -> Guider:
    return Guider(model, positive, negative, cfg)


async def _sample(
    context: Context,
    noise: Noise,
    guider: Guider,
    sampler: str,
    sigmas: Sigmas,
    latent: Latent,
    *,
    start: int = 0,
    end: int | None = None,
    leftover: bool = False,
) -> Latent:
    """Run steps `start` to `end` of `sigmas`; `leftover` leaves the noise of the rest in."""
    end = sigmas.steps if end is None else end
    if sigmas.denoise <= 0 or start >= end:
        return latent
    pictures = tuple(
        _dreaming(picture, index, noise, guider, sampler, sigmas)
        for index, picture in enumerate(latent.pictures)
    )
    for index, (before, picture) in enumerate(zip(latent.pictures, pictures, strict=True)):
        if picture.dream and picture is not before:
            context.reveal(_truth(index, picture.dream))
    for done in range(start + 1, end + 1):
        await context.step()
        image = None
        if context.previews:
            shown = await asyncio.to_thread(
                render.preview, pictures[0], latent.width, latent.height, done / sigmas.steps
            )
            image = Encoded("JPEG", shown)
        context.progress(done - start, end - start, image)
    progress = end / sigmas.steps if leftover else 1.0
    return replace(latent, pictures=tuple(_at(picture, progress) for picture in pictures))


def _dreaming(
    picture: Picture, index: int, noise: Noise, guider: Guider, sampler: str, sigmas: Sigmas
) -> Picture:
    if picture.dream and not (noise.enabled and sigmas.denoise >= 1):
        return picture
    family = guider.model.family
    cfg = guider.cfg
    if family.distilled:
        cfg = family.cfg if guider.positive.guidance is None else guider.positive.guidance
    wanted = read(guider.positive.text, guider.negative.text)
    settings = world.Settings(
        seed=noise.seed,
        index=index,
        steps=max(1, round(world.BASE_STEPS * sigmas.steps / family.steps)),
        cfg=world.BASE_CFG * cfg / family.cfg,
        sampler=sampler,
        scheduler=sigmas.scheduler,
        checkpoint=guider.model.world,
    )
    imagined = world.imagine(wanted, settings)
    return replace(picture, dream=Dream(wanted, settings, imagined, sigmas.denoise, progress=0.0))


def _at(picture: Picture, progress: float) -> Picture:
    if picture.dream is None:
        return picture
    return replace(picture, dream=replace(picture.dream, progress=progress))


def _truth(index: int, dream: Dream) -> Mapping[str, Any]:
    """What is true of a picture, as `/_sandbox/truth` tells it."""
    return {
        "index": index,
        "right": dream.imagined.right,
        "phrases": [asdict(phrase) for phrase in dream.imagined.phrases],
        "scene": asdict(dream.imagined.scene),
        "settings": asdict(dream.settings),
        "denoise": dream.denoise,
    }
