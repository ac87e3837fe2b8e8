"""From values to pixels and files' bytes: decoding latents, previews, resizing, encoding.

The world's own drawing is `draw`; here it meets sizes, img2img and image formats. All of it is
CPU work to be done off the event loop.
"""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from orchestrator.sandbox import draw, world
from orchestrator.sandbox.values import Dream, Picture, Pixels

PREVIEW_SIDE: Final = 128
"""Longest side of a preview in pixels. Real ones are blown up from an eighth of the size."""
_EMPTY: Final = (127, 113, 102)
"""What a Stable Diffusion VAE makes of an empty latent."""


def decode(picture: Picture, width: int, height: int) -> Pixels:
    """The picture at its size, with whatever noise is left in it."""
    base = None if picture.base is None else resize(picture.base, width, height)
    if picture.dream is None:
        return _blank(width, height) if base is None else base
    return _over(base, picture.dream, picture.dream.progress, width, height)


def preview(picture: Picture, width: int, height: int, progress: float) -> bytes:
    """How the dreamt picture looks when `progress` (0 to 1) of its steps are done, as JPEG."""
    if picture.dream is None:
        raise ValueError("only what is being sampled has a preview")
    scale = min(1.0, PREVIEW_SIDE / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    base = None if picture.base is None else resize(picture.base, width, height)
    return to_jpeg(_over(base, picture.dream, progress, width, height))


def _over(base: Pixels | None, dream: Dream, progress: float, width: int, height: int) -> Pixels:
    """The dream over the image it started from, in proportion to denoise."""
    seen = dream.imagined
    if progress < 1:
        seen = world.glimpse(dream.wanted, dream.settings, progress)
    drawn = draw.emerge(
        seen.scene, seed=dream.imagined.look, width=width, height=height, progress=progress
    )
    if base is None or dream.denoise >= 1:
        return drawn
    mixed = base + (drawn.astype(np.float32) - base) * dream.denoise
    return np.asarray(mixed + 0.5, np.uint8)


def _blank(width: int, height: int) -> Pixels:
    return np.full((height, width, 3), _EMPTY, np.uint8)


def resize(pixels: Pixels, width: int, height: int, *, crop: bool = False) -> Pixels:
    """Bilinear; with `crop` the middle is kept that has the new shape."""
    if pixels.shape[:2] == (height, width):
        return pixels
    image = Image.fromarray(pixels)
    box = None
    if crop:
        scale = min(image.width / width, image.height / height)
        left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
        box = (left, top, left + width * scale, top + height * scale)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box))


def to_jpeg(pixels: Pixels) -> bytes:
    return _encode(pixels, "JPEG", quality=90)


def to_png(pixels: Pixels, chunks: Mapping[str, Any] | None = None) -> bytes:
    """PNG with a JSON text chunk for each of `chunks`, as ComfyUI writes the graph into files."""
    info = PngInfo()
    for keyword, value in (chunks or {}).items():
        info.add_text(keyword, json.dumps(value))
    return _encode(pixels, "PNG", pnginfo=info, compress_level=1)


def _encode(pixels: Pixels, format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()
