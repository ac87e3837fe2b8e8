"""Nodes that make, encode, decode and reshape latents."""

from dataclasses import replace
from typing import Any, Final

from orchestrator.sandbox.nodes.base import (
    IMAGE,
    LATENT,
    RESOLUTION_MAX,
    VAE,
    Input,
    integer,
    node,
    number,
)
from orchestrator.sandbox.render import decode
from orchestrator.sandbox.values import Images, Latent, Picture, Vae

_BATCH: Final = integer(1, 1, 4096)
_METHODS: Final = Input(("nearest-exact", "bilinear", "area", "bicubic", "bislerp"))


@node(
    "EmptyLatentImage",
    "latent",
    {
        "width": integer(512, 16, RESOLUTION_MAX, step=8),
        "height": integer(512, 16, RESOLUTION_MAX, step=8),
        "batch_size": _BATCH,
    },
    "LATENT",
    title="Empty Latent Image",
)
def empty_latent(width: int, height: int, batch_size: int) -> Latent:
    return Latent(width // 8 * 8, height // 8 * 8, (Picture(),) * batch_size)


@node(
    "EmptySD3LatentImage",
    "latent/sd3",
    {
        "width": integer(1024, 16, RESOLUTION_MAX, step=16),
        "height": integer(1024, 16, RESOLUTION_MAX, step=16),
        "batch_size": _BATCH,
    },
    "LATENT",
    module="comfy_extras.nodes_sd3",
    modern=True,
)
def empty_sd3_latent(width: int, height: int, batch_size: int) -> Latent:
    return empty_latent(width, height, batch_size)


_TILES: Final = {
    "overlap": integer(64, 0, 4096, step=32),
    "temporal_size": integer(64, 8, 4096, step=4),
    "temporal_overlap": integer(8, 4, 4096, step=4),
}


@node("VAEDecode", "latent", {"samples": LATENT, "vae": VAE}, "IMAGE", title="VAE Decode")
def vae_decode(samples: Latent, vae: Vae) -> Images:
    return Images(tuple(decode(p, samples.width, samples.height) for p in samples.pictures))


@node(
    "VAEDecodeTiled",
    "_for_testing",
    {"samples": LATENT, "vae": VAE, "tile_size": integer(512, 64, 4096, step=32), **_TILES},
    "IMAGE",
    title="VAE Decode (Tiled)",
)
def vae_decode_tiled(samples: Latent, vae: Vae, **tiles: Any) -> Images:
    return vae_decode(samples, vae)


@node("VAEEncode", "latent", {"pixels": IMAGE, "vae": VAE}, "LATENT", title="VAE Encode")
def vae_encode(pixels: Images, vae: Vae) -> Latent:
    height, width, _ = pixels.frames[0].shape
    return Latent(width // 8 * 8, height // 8 * 8, tuple(map(Picture, pixels.frames)))


@node(
    "VAEEncodeTiled",
    "_for_testing",
    {"pixels": IMAGE, "vae": VAE, "tile_size": integer(512, 64, 4096, step=64), **_TILES},
    "LATENT",
    title="VAE Encode (Tiled)",
)
def vae_encode_tiled(pixels: Images, vae: Vae, **tiles: Any) -> Latent:
    return vae_encode(pixels, vae)


@node(
    "LatentUpscale",
    "latent",
    {
        "samples": LATENT,
        "upscale_method": _METHODS,
        "width": integer(512, 0, RESOLUTION_MAX, step=8),
        "height": integer(512, 0, RESOLUTION_MAX, step=8),
        "crop": Input(("disabled", "center")),
    },
    "LATENT",
    title="Upscale Latent",
)
def upscale(samples: Latent, width: int, height: int, **rest: Any) -> Latent:
    """A side of 0 follows the other one."""
    if not width and not height:
        return samples
    width = width or round(samples.width * height / samples.height)
    height = height or round(samples.height * width / samples.width)
    return replace(samples, width=max(64, width // 8 * 8), height=max(64, height // 8 * 8))


@node(
    "LatentUpscaleBy",
    "latent",
    {
        "samples": LATENT,
        "upscale_method": _METHODS,
        "scale_by": number(1.5, 0.01, 8.0, 0.01),
    },
    "LATENT",
    title="Upscale Latent By",
)
def upscale_by(samples: Latent, scale_by: float, **rest: Any) -> Latent:
    width, height = (max(1, round(n / 8 * scale_by)) * 8 for n in (samples.width, samples.height))
    return replace(samples, width=width, height=height)


@node(
    "RepeatLatentBatch",
    "latent/batch",
    {"samples": LATENT, "amount": integer(1, 1, 64)},
    "LATENT",
    title="Repeat Latent Batch",
)
def repeat(samples: Latent, amount: int) -> Latent:
    return replace(samples, pictures=samples.pictures * amount)


@node(
    "LatentFromBatch",
    "latent/batch",
    {"samples": LATENT, "batch_index": integer(0, 0, 63), "length": integer(1, 1, 64)},
    "LATENT",
    title="Latent From Batch",
)
def from_batch(samples: Latent, batch_index: int, length: int) -> Latent:
    first = min(batch_index, len(samples.pictures) - 1)
    return replace(samples, pictures=samples.pictures[first : first + length])
