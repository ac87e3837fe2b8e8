"""Nodes that load or patch models. Which files exist is in `catalogue`."""

from orchestrator.sandbox.catalogue import (
    CHECKPOINTS,
    CONTROLNETS,
    DIFFUSION_MODELS,
    EASY_WORLD,
    HARD_WORLD,
    LORAS,
    TEXT_ENCODERS,
    VAES,
)
from orchestrator.sandbox.nodes.base import CLIP, MODEL, Input, integer, node, number
from orchestrator.sandbox.values import Clip, ControlNet, Model, Vae

_ENCODER = Input(TEXT_ENCODERS)
_DEVICE = Input(("default", "cpu"), {"advanced": True}, optional=True)
_CLIP_TYPES = (
    "stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi", "ltxv", "pixart",
    "cosmos", "lumina2", "wan", "hidream", "chroma", "ace", "omnigen2", "qwen_image",
    "hunyuan_image",
)  # fmt: skip
_LORA = Input(LORAS)
_STRENGTH = number(1.0, -100.0, 100.0, 0.01)
_ADVANCED = "advanced/loaders"
_SAMPLING = "comfy_extras.nodes_model_advanced"


@node(
    "CheckpointLoaderSimple",
    "loaders",
    {"ckpt_name": Input(tuple(CHECKPOINTS))},
    ("MODEL", "CLIP", "VAE"),
    title="Load Checkpoint",
)
def load_checkpoint(ckpt_name: str) -> tuple[Model, Clip, Vae]:
    world = HARD_WORLD if ckpt_name == HARD_WORLD else EASY_WORLD
    return Model(CHECKPOINTS[ckpt_name], world), Clip(), Vae()


@node(
    "UNETLoader",
    _ADVANCED,
    {
        "unet_name": Input(tuple(DIFFUSION_MODELS)),
        "weight_dtype": Input(("default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2")),
    },
    "MODEL",
    title="Load Diffusion Model",
)
def load_diffusion_model(unet_name: str, weight_dtype: str) -> Model:
    return Model(DIFFUSION_MODELS[unet_name])


@node(
    "CLIPLoader",
    _ADVANCED,
    {
        "clip_name": _ENCODER,
        "type": Input(_CLIP_TYPES),
        "device": _DEVICE,
    },
    "CLIP",
    title="Load CLIP",
)
def load_clip(clip_name: str, type: str, device: str = "default") -> Clip:
    return Clip()


@node(
    "DualCLIPLoader",
    _ADVANCED,
    {
        "clip_name1": _ENCODER,
        "clip_name2": _ENCODER,
        "type": Input(("sdxl", "sd3", "flux", "hunyuan_video", "hidream", "hunyuan_image")),
        "device": _DEVICE,
    },
    "CLIP",
)
def load_two_clips(clip_name1: str, clip_name2: str, type: str, device: str = "default") -> Clip:
    return Clip()


@node(
    "TripleCLIPLoader",
    _ADVANCED,
    {"clip_name1": _ENCODER, "clip_name2": _ENCODER, "clip_name3": _ENCODER},
    "CLIP",
    module="comfy_extras.nodes_sd3",
    modern=True,
)
def load_three_clips(clip_name1: str, clip_name2: str, clip_name3: str) -> Clip:
    return Clip()


@node("VAELoader", "loaders", {"vae_name": Input(VAES)}, "VAE", title="Load VAE")
def load_vae(vae_name: str) -> Vae:
    return Vae()


@node(
    "LoraLoader",
    "loaders",
    {
        "model": MODEL,
        "clip": CLIP,
        "lora_name": _LORA,
        "strength_model": _STRENGTH,
        "strength_clip": _STRENGTH,
    },
    ("MODEL", "CLIP"),
    title="Load LoRA",
)
def load_lora(
    model: Model, clip: Clip, lora_name: str, strength_model: float, strength_clip: float
) -> tuple[Model, Clip]:
    return model, clip


@node(
    "LoraLoaderModelOnly",
    "loaders",
    {"model": MODEL, "lora_name": _LORA, "strength_model": _STRENGTH},
    "MODEL",
)
def load_lora_model_only(model: Model, lora_name: str, strength_model: float) -> Model:
    return model


@node(
    "ControlNetLoader",
    "loaders",
    {"control_net_name": Input(CONTROLNETS)},
    "CONTROL_NET",
    title="Load ControlNet Model",
)
def load_controlnet(control_net_name: str) -> ControlNet:
    return ControlNet()


@node(
    "CLIPSetLastLayer",
    "conditioning",
    {"clip": CLIP, "stop_at_clip_layer": integer(-1, -24, -1, step=1)},
    "CLIP",
    title="CLIP Set Last Layer",
)
def set_last_layer(clip: Clip, stop_at_clip_layer: int) -> Clip:
    return clip


@node(
    "ModelSamplingSD3",
    "advanced/model",
    {"model": MODEL, "shift": number(3.0, 0.0, 100.0, 0.01)},
    "MODEL",
    module=_SAMPLING,
)
def shift_sd3(model: Model, shift: float) -> Model:
    return model


@node(
    "ModelSamplingFlux",
    "advanced/model",
    {
        "model": MODEL,
        "max_shift": number(1.15, 0.0, 100.0, 0.01),
        "base_shift": number(0.5, 0.0, 100.0, 0.01),
        "width": integer(1024, 16, 16384, step=8),
        "height": integer(1024, 16, 16384, step=8),
    },
    "MODEL",
    module=_SAMPLING,
)
def shift_flux(model: Model, max_shift: float, base_shift: float, width: int, height: int) -> Model:
    return model
