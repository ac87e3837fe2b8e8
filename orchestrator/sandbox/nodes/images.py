"""Nodes that load, make, change, save and send images."""

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

import numpy as np
from PIL import Image, ImageOps

from orchestrator.sandbox.files import Folders
from orchestrator.sandbox.nodes.base import (
    IMAGE,
    RESOLUTION_MAX,
    SEED,
    Context,
    Encoded,
    Input,
    Ui,
    integer,
    node,
    number,
)
from orchestrator.sandbox.render import resize, to_png
from orchestrator.sandbox.values import Images, Mask, Pixels

_METHODS: Final = Input(("nearest-exact", "bilinear", "area", "bicubic", "lanczos"))
_SIDE: Final = integer(512, 0, RESOLUTION_MAX, step=1)
_CARRIED: Final = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


def _missing(image: str, folders: Folders) -> str | None:
    return None if folders.uploaded(image) else f"Invalid image file: {image}"


def _fingerprint(inputs: Mapping[str, Any], folders: Folders) -> str:
    path = folders.uploaded(str(inputs["image"]))
    return sha256(path.read_bytes()).hexdigest() if path else ""


@node(
    "LoadImage",
    "image",
    {"image": Input((), {"image_upload": True})},
    ("IMAGE", "MASK"),
    title="Load Image",
    changed=_fingerprint,
    checks={"image": _missing},
)
def load_image(context: Context, image: str) -> tuple[Images, Mask]:
    path = context.folders.uploaded(image)
    if path is None:
        raise FileNotFoundError(f"No such file: {image}")
    with Image.open(path) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    return Images((np.asarray(upright),)), Mask()


@node(
    "EmptyImage",
    "image",
    {
        "width": integer(512, 1, RESOLUTION_MAX, step=1),
        "height": integer(512, 1, RESOLUTION_MAX, step=1),
        "batch_size": integer(1, 1, 4096),
        "color": integer(0, 0, 0xFFFFFF, step=1, display="color"),
    },
    "IMAGE",
)
def empty_image(width: int, height: int, batch_size: int, color: int) -> Images:
    frame = np.full((height, width, 3), tuple(color.to_bytes(3)), np.uint8)
    return Images((frame,) * batch_size)


@node(
    "ImageAddNoise",
    "image",
    {"image": IMAGE, "seed": SEED, "strength": number(0.5, 0.0, 1.0, 0.01)},
    "IMAGE",
    module="comfy_extras.nodes_images",
)
def add_noise(image: Images, seed: int, strength: float) -> Images:
    random = np.random.default_rng(seed)

    def noisy(frame: Pixels) -> Pixels:
        noise = random.standard_normal(frame.shape, np.float32) * (255 * strength)
        return np.asarray(np.clip(frame + noise, 0, 255), np.uint8)

    return Images(tuple(map(noisy, image.frames)))


@node("ImageInvert", "image", {"image": IMAGE}, "IMAGE", title="Invert Image")
def invert(image: Images) -> Images:
    return Images(tuple(255 - frame for frame in image.frames))


@node("ImageBatch", "image", {"image1": IMAGE, "image2": IMAGE}, "IMAGE", title="Batch Images")
def batch(image1: Images, image2: Images) -> Images:
    height, width, _ = image1.frames[0].shape
    return Images(image1.frames + tuple(resize(f, width, height, crop=True) for f in image2.frames))


@node(
    "ImageScale",
    "image/upscaling",
    {
        "image": IMAGE,
        "upscale_method": _METHODS,
        "width": _SIDE,
        "height": _SIDE,
        "crop": Input(("disabled", "center")),
    },
    "IMAGE",
    title="Upscale Image",
)
def scale(image: Images, upscale_method: str, width: int, height: int, crop: str) -> Images:
    """A side of 0 follows the other one."""
    if not width and not height:
        return image
    old_height, old_width, _ = image.frames[0].shape
    width = width or max(1, round(old_width * height / old_height))
    height = height or max(1, round(old_height * width / old_width))
    return Images(tuple(resize(f, width, height, crop=crop == "center") for f in image.frames))


@node(
    "ImageScaleBy",
    "image/upscaling",
    {"image": IMAGE, "upscale_method": _METHODS, "scale_by": number(1.0, 0.01, 8.0, 0.01)},
    "IMAGE",
    title="Upscale Image By",
)
def scale_by(image: Images, upscale_method: str, scale_by: float) -> Images:
    height, width, _ = (max(1, round(n * scale_by)) for n in image.frames[0].shape)
    return Images(tuple(resize(frame, width, height) for frame in image.frames))


@node(
    "SaveImage",
    "image",
    {"images": IMAGE, "filename_prefix": Input("STRING", {"default": "ComfyUI"})},
    title="Save Image",
    hidden=_CARRIED,
    is_output=True,
)
def save_image(context: Context, images: Images, filename_prefix: str) -> Ui:
    return _save(context, images, filename_prefix, "output")


@node(
    "PreviewImage",
    "image",
    {"images": IMAGE},
    title="Preview Image",
    hidden=_CARRIED,
    is_output=True,
)
def preview_image(context: Context, images: Images) -> Ui:
    return _save(context, images, "ComfyUI_temp_scene", "temp")


def _save(context: Context, images: Images, prefix: str, kind: str) -> Ui:
    chunks: Mapping[str, Any] = {"prompt": context.prompt, **context.extra_pnginfo}
    files = [to_png(frame, chunks) for frame in images.frames]
    height, width, _ = images.frames[0].shape
    return Ui({"images": context.folders.save(files, prefix, kind, width=width, height=height)})


@node(
    "SaveImageWebsocket",
    "api/image",
    {"images": IMAGE},
    module="custom_nodes.websocket_image_save",
    is_output=True,
    changed=lambda inputs, folders: uuid4().hex,
)
async def send_images(context: Context, images: Images) -> tuple[()]:
    for index, frame in enumerate(images.frames):
        data = await asyncio.to_thread(to_png, frame)
        context.progress(index, len(images.frames), Encoded("PNG", data))
    return ()
