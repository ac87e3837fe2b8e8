"""The workflows that the suite sends: small, for every server that has the scenes checkpoint."""

import random
from typing import Any

CHECKPOINT = "scenes-easy.safetensors"


def seed() -> int:
    """One that nobody used before, so that nothing is cached."""
    return random.SystemRandom().randrange(2**63)


def ksampler(steps: int = 2, save: str = "SaveImage", batch: int = 1, **inputs: Any) -> Any:
    """Text to image at 64 px. `inputs` go to the sampler, node 3; the last node is 9."""
    graph: dict[str, Any] = {
        "4": node("CheckpointLoaderSimple", ckpt_name=CHECKPOINT),
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=batch),
        "6": node("CLIPTextEncode", text="a red circle", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="blurry", clip=["4", 1]),
        "3": node(
            "KSampler",
            seed=seed(),
            steps=steps,
            cfg=7.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node(save, images=["8", 0]),
    }
    if save == "SaveImage":
        graph["9"]["inputs"]["filename_prefix"] = "contract"
    graph["3"]["inputs"] |= inputs
    return graph


def noise(save: str = "SaveImage", batch: int = 1) -> Any:
    """Images without a model, and so quick on any server; the last node is 3."""
    graph = {
        "1": node("EmptyImage", width=64, height=64, batch_size=batch, color=0),
        "2": node("ImageAddNoise", image=["1", 0], seed=seed(), strength=0.3),
        "3": node(save, images=["2", 0]),
    }
    if save == "SaveImage":
        graph["3"]["inputs"]["filename_prefix"] = "contract"
    return graph


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}
