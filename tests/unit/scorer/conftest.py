"""A CLIP small enough for a unit test: a real open_clip architecture with random weights."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from scorer.models.clip_model import ClipModel
from scorer.models.loading import load
from scorer.torchvision_shim import import_open_clip

open_clip = import_open_clip()
torch.set_num_threads(1)

ARCHITECTURE = "Test-CLIP"
CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of ARCHITECTURE, which open_clip knows from here on."""
    folder = tmp_path_factory.mktemp("model")
    config = folder / f"{ARCHITECTURE}.json"
    config.write_text(json.dumps(CONFIG))
    open_clip.add_model_config(config)
    torch.manual_seed(1)
    network = open_clip.create_model(ARCHITECTURE)
    save_file(network.state_dict(), folder / "weights.safetensors")
    return folder / "weights.safetensors"


@pytest.fixture(scope="session")
def model_name(checkpoint: Path) -> str:
    return f"{ARCHITECTURE}:{checkpoint}"


@pytest.fixture(scope="session")
def model(model_name: str) -> ClipModel:
    return load(model_name, device="cpu")


@pytest.fixture(scope="session")
def picture() -> Callable[[int, int], Image.Image]:
    """(width, height) → a colourful RGB picture, the same each time."""

    def make(width: int = 48, height: int = 40) -> Image.Image:
        red = Image.linear_gradient("L").resize((width, height))
        green = red.rotate(180)
        blue = Image.radial_gradient("L").resize((width, height))
        return Image.merge("RGB", (red, green, blue))

    return make
