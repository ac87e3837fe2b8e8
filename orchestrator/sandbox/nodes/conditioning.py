"""Nodes that turn text into conditionings and combine them. Areas and strengths do nothing here."""

from dataclasses import replace
from typing import Any, Final

from orchestrator.sandbox.nodes.base import (
    CLIP,
    CONDITIONING,
    IMAGE,
    TEXT,
    Input,
    integer,
    node,
    number,
)
from orchestrator.sandbox.values import Clip, Conditioning

_SIZE: Final = integer(1024, 0, 16384)
_STRENGTH: Final = number(1.0, 0.0, 10.0, 0.01)
_START: Final = number(0.0, 0.0, 1.0, 0.001)
_END: Final = number(1.0, 0.0, 1.0, 0.001)
_GUIDANCE: Final = number(3.5, 0.0, 100.0, 0.1)
_SDXL: Final[dict[str, Any]] = {"module": "comfy_extras.nodes_clip_sdxl", "modern": True}
_FLUX: Final[dict[str, Any]] = {"module": "comfy_extras.nodes_flux", "modern": True}


@node(
    "CLIPTextEncode",
    "conditioning",
    {"text": TEXT, "clip": CLIP},
    "CONDITIONING",
    title="CLIP Text Encode (Prompt)",
)
def encode(text: str, clip: Clip) -> Conditioning:
    return Conditioning((text,))


@node(
    "CLIPTextEncodeSDXL",
    "advanced/conditioning",
    {
        "clip": CLIP,
        "width": _SIZE,
        "height": _SIZE,
        "crop_w": integer(0, 0, 16384),
        "crop_h": integer(0, 0, 16384),
        "target_width": _SIZE,
        "target_height": _SIZE,
        "text_g": TEXT,
        "text_l": TEXT,
    },
    "CONDITIONING",
    **_SDXL,
)
def encode_sdxl(text_g: str, text_l: str, **sizes: Any) -> Conditioning:
    return Conditioning((text_g, text_l))


@node(
    "CLIPTextEncodeSDXLRefiner",
    "advanced/conditioning",
    {
        "ascore": number(6.0, 0.0, 1000.0, 0.01),
        "width": _SIZE,
        "height": _SIZE,
        "text": TEXT,
        "clip": CLIP,
    },
    "CONDITIONING",
    **_SDXL,
)
def encode_refiner(text: str, **rest: Any) -> Conditioning:
    return Conditioning((text,))


@node(
    "CLIPTextEncodeSD3",
    "advanced/conditioning",
    {
        "clip": CLIP,
        "clip_l": TEXT,
        "clip_g": TEXT,
        "t5xxl": TEXT,
        "empty_padding": Input(("none", "empty_prompt")),
    },
    "CONDITIONING",
    module="comfy_extras.nodes_sd3",
    modern=True,
)
def encode_sd3(clip: Clip, clip_l: str, clip_g: str, t5xxl: str, **rest: Any) -> Conditioning:
    return Conditioning((clip_l, clip_g, t5xxl))


@node(
    "CLIPTextEncodeFlux",
    "advanced/conditioning/flux",
    {"clip": CLIP, "clip_l": TEXT, "t5xxl": TEXT, "guidance": _GUIDANCE},
    "CONDITIONING",
    **_FLUX,
)
def encode_flux(clip: Clip, clip_l: str, t5xxl: str, guidance: float) -> Conditioning:
    return Conditioning((clip_l, t5xxl), guidance)


@node(
    "FluxGuidance",
    "advanced/conditioning/flux",
    {"conditioning": CONDITIONING, "guidance": _GUIDANCE},
    "CONDITIONING",
    **_FLUX,
)
def set_guidance(conditioning: Conditioning, guidance: float) -> Conditioning:
    return replace(conditioning, guidance=guidance)


def _together(first: Conditioning, second: Conditioning) -> Conditioning:
    guidance = second.guidance if first.guidance is None else first.guidance
    return Conditioning(first.texts + second.texts, guidance)


@node(
    "ConditioningCombine",
    "conditioning",
    {"conditioning_1": CONDITIONING, "conditioning_2": CONDITIONING},
    "CONDITIONING",
    title="Conditioning (Combine)",
)
def combine(conditioning_1: Conditioning, conditioning_2: Conditioning) -> Conditioning:
    return _together(conditioning_1, conditioning_2)


@node(
    "ConditioningConcat",
    "conditioning",
    {"conditioning_to": CONDITIONING, "conditioning_from": CONDITIONING},
    "CONDITIONING",
    title="Conditioning (Concat)",
)
def concat(conditioning_to: Conditioning, conditioning_from: Conditioning) -> Conditioning:
    return _together(conditioning_to, conditioning_from)


@node(
    "ConditioningZeroOut",
    "advanced/conditioning",
    {"conditioning": CONDITIONING},
    "CONDITIONING",
)
def zero_out(conditioning: Conditioning) -> Conditioning:
    return replace(conditioning, texts=())


@node(
    "ConditioningSetArea",
    "conditioning",
    {
        "conditioning": CONDITIONING,
        "width": integer(64, 64, 16384, step=8),
        "height": integer(64, 64, 16384, step=8),
        "x": integer(0, 0, 16384, step=8),
        "y": integer(0, 0, 16384, step=8),
        "strength": _STRENGTH,
    },
    "CONDITIONING",
    title="Conditioning (Set Area)",
)
def set_area(conditioning: Conditioning, **area: Any) -> Conditioning:
    return conditioning


@node(
    "ConditioningSetTimestepRange",
    "advanced/conditioning",
    {"conditioning": CONDITIONING, "start": _START, "end": _END},
    "CONDITIONING",
)
def set_timestep_range(conditioning: Conditioning, start: float, end: float) -> Conditioning:
    return conditioning


@node(
    "ControlNetApply",
    "conditioning/controlnet",
    {
        "conditioning": CONDITIONING,
        "control_net": Input("CONTROL_NET"),
        "image": IMAGE,
        "strength": _STRENGTH,
    },
    "CONDITIONING",
    title="Apply ControlNet (OLD)",
)
def apply_controlnet(conditioning: Conditioning, **rest: Any) -> Conditioning:
    return conditioning


@node(
    "ControlNetApplyAdvanced",
    "conditioning/controlnet",
    {
        "positive": CONDITIONING,
        "negative": CONDITIONING,
        "control_net": Input("CONTROL_NET"),
        "image": IMAGE,
        "strength": _STRENGTH,
        "start_percent": _START,
        "end_percent": _END,
        "vae": Input("VAE", optional=True),
    },
    ("CONDITIONING", "CONDITIONING"),
    output_names=("positive", "negative"),
    title="Apply ControlNet",
)
def apply_controlnet_advanced(
    positive: Conditioning, negative: Conditioning, **rest: Any
) -> tuple[Conditioning, Conditioning]:
    return positive, negative
