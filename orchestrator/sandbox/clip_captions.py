"""Descriptions in many wordings, for the scenes CLIP to learn from, and the words it knows."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from orchestrator.sandbox.scene import BACKGROUNDS, COLOURS, RELATIONS, SHAPES, SIZES, Scene, Thing

_FILLERS: Final = (
    "photo of", "a picture of", "an illustration of", "masterpiece,", "high quality,", "4k,",
    "best quality,", "detailed,", "beautiful", "render of", "a painting of", "minimal",
    "soft light,", "studio lighting,", "paper cut,", "sharp focus,", "there is", "we see",
    "an image with",
)  # fmt: skip
_AFTER: Final = (
    ", high quality", ", masterpiece", ", 4k", ", soft shadows", ", studio lighting", ", detailed",
    ", sharp focus", ", minimalism", ", paper cut style", ", by an artist", ", trending", ".",
)  # fmt: skip
_BACKGROUND: Final = (
    ", on a {} background", " on a {} background", ", {} background", " on {}", ", on {}",
    " in front of a {} background", " against a {} background", ", the background is {}",
)  # fmt: skip
_RELATION: Final = {
    "left of": ("left of", "to the left of", "on the left of"),
    "right of": ("right of", "to the right of", "on the right of"),
    "above": ("above", "above", "placed above"),
    "below": ("below", "below", "under"),
}
_SIZE: Final = {"small": ("small",) * 6 + ("little",), "large": ("large",) * 5 + ("big",)}

KNOWN_WORDS: Final = " ".join(
    (*COLOURS, *SHAPES, *(f"{shape}s" for shape in SHAPES), "crosses", *SIZES, *RELATIONS,
     *BACKGROUNDS, "gray big little under background a an the and with to on in at is of it , .")
)  # fmt: skip
"""Text whose tokens the model has embeddings for; all other tokens share one."""


def write(said: Scene, rng: np.random.Generator) -> str:
    """Put a description into words, with fillers that mean nothing."""
    articles = rng.choice(3, p=[0.75, 0.17, 0.08])  # a, none, the
    nouns = [_noun(thing, int(articles), rng) for thing in said.things]
    if said.relation:
        relation = _any(_RELATION[said.relation], rng)
        between = _any((" {} ", " {} ", " {} ", ", {} ", " is {} "), rng).format(relation)
    else:
        between = _any((" and ", ", ", " and ", " with ", " beside "), rng)
    text = between.join(nouns)
    if said.background:
        background = "gray" if said.background == "grey" and rng.random() < 0.1 else said.background
        behind = _any(_BACKGROUND, rng).format(background)
        text = text + behind if text else f"a {background} background"
    if rng.random() < 0.2:
        text = f"{_any(_FILLERS, rng)} {text}"
    while rng.random() < 0.2:
        text += _any(_AFTER, rng)
    return text


def _noun(thing: Thing, articles: int, rng: np.random.Generator) -> str:
    size = _any(_SIZE[thing.size], rng) if thing.size else None
    parts = [size, thing.colour] if rng.random() < 0.9 else [thing.colour, size]
    words = " ".join(word for word in (*parts, thing.shape) if word)
    if articles == 0:
        return f"an {words}" if words[0] in "aeiou" else f"a {words}"
    return words if articles == 1 else f"the {words}"


def _any(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
