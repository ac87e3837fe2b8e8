"""What flows along a graph's links: models, conditionings, latents, images.

Plain frozen values without behaviour. A latent is a plan of pictures, not an array: pixels are
made of it only when it is decoded (`render`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestrator.sandbox.catalogue import EASY_WORLD, Family
from orchestrator.sandbox.prompt import Wanted
from orchestrator.sandbox.world import Imagined, Settings

Pixels = npt.NDArray[np.uint8]
"""An RGB picture, shape (height, width, 3)."""


@dataclass(frozen=True, slots=True)
class Model:
    family: Family
    world: str = EASY_WORLD


@dataclass(frozen=True, slots=True)
class Clip:
    """A text encoder. They all read alike."""


@dataclass(frozen=True, slots=True)
class Vae:
    """A decoder. They all decode alike."""


@dataclass(frozen=True, slots=True)
class ControlNet:
    """A ControlNet. It has no effect in this world."""


@dataclass(frozen=True, slots=True)
class Conditioning:
    texts: tuple[str, ...] = ()
    guidance: float | None = None

    @property
    def text(self) -> str:
        """What is asked for; encoders that were given the same text ask for it once."""
        return ", ".join(dict.fromkeys(self.texts))


@dataclass(frozen=True, slots=True)
class Dream:
    """What a sampler imagined. `progress` below 1 leaves noise in it."""

    wanted: Wanted
    settings: Settings
    imagined: Imagined
    denoise: float
    progress: float


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a latent: what was encoded into it, and what was sampled over that."""

    base: Pixels | None = None
    dream: Dream | None = None


@dataclass(frozen=True, slots=True)
class Latent:
    """Pictures of one size, in pixels (not in latent cells)."""

    width: int
    height: int
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Images:
    frames: tuple[Pixels, ...]


@dataclass(frozen=True, slots=True)
class Mask:
    """Which part of an image is transparent. Nothing in this world reads it."""


@dataclass(frozen=True, slots=True)
class Noise:
    seed: int
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Guider:
    model: Model
    positive: Conditioning
    negative: Conditioning
    cfg: float


@dataclass(frozen=True, slots=True)
class Sampler:
    name: str


@dataclass(frozen=True, slots=True)
class Sigmas:
    scheduler: str
    steps: int
    denoise: float = 1.0
