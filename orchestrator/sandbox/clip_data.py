"""What the scenes CLIP learns from: pictures, captions, and which caption is true of which picture.

Batches are made of families: a scene and variants that differ from it as the world's faults do,
told with the same things left unsaid, so that the hard cases stand side by side. `train_clip`
learns from it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from orchestrator.sandbox.clip_captions import write
from orchestrator.sandbox.draw import Pixels, draw, emerge
from orchestrator.sandbox.scene import (
    BACKGROUNDS,
    COLOURS,
    INVERSE,
    RELATIONS,
    SHAPES,
    SIZES,
    Scene,
    Thing,
)

IMAGE_SIZE: Final = 64
FAMILY: Final = 8
CAPTIONED: Final = 2  # every second picture has a caption; the others are wrong answers only

KINDS: Final = ("colour", "shape", "size", "relation", "background", "swap", "missing")
"""The ways in which `variants` differ."""

Rng = np.random.Generator
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """N pictures, and captions for every second of them.

    `images` is (N, 64, 64, 3) uint8, `truth` is (N, M) bool: caption column is true of picture row.
    `seen` (N, 9) is `encode` of what is in the pictures, `said` (M, 9) of what the captions say.
    Caption j was written for picture 2 j.
    """

    images: Pixels
    captions: list[str]
    truth: NDArray[np.bool_]
    seen: Codes
    said: Codes


def batches(seed: int, families: int) -> Iterator[Batch]:
    """Endless batches, the same for the same seed."""
    rng = np.random.default_rng(seed)
    while True:
        scenes: list[Scene] = []
        told: list[Scene] = []
        looks: list[int] = []
        for _ in range(families):
            family, unsaid = _family(rng), _unsaid(rng)
            scenes += family
            told += [_tell(scene, unsaid, rng) for scene in family[::CAPTIONED]]
            look = rng.integers(2**53)
            alike = rng.random() < 0.5
            looks += [int(look if alike else rng.integers(2**53)) for _ in family]
        seen, said = encode(scenes), encode(told)
        yield Batch(
            np.stack([picture(s, look, rng) for s, look in zip(scenes, looks, strict=True)]),
            [write(scene, rng) for scene in told],
            true_of(said, seen),
            seen,
            said,
        )


def random_scene(rng: Rng, things: int) -> Scene:
    return Scene(
        tuple(
            Thing(_any(rng, SHAPES), _any(rng, COLOURS), _any(rng, SIZES)) for _ in range(things)
        ),
        _any(rng, RELATIONS) if things == 2 else None,
        _any(rng, BACKGROUNDS),
    )


def variants(scene: Scene) -> list[tuple[str, Scene]]:
    """All scenes that differ from a complete one in one way, each with its kind (of `KINDS`)."""
    found: list[tuple[str, Scene]] = []
    for i, thing in enumerate(scene.things):

        def changed(new: Thing, i: int = i) -> Scene:
            return replace(scene, things=(*scene.things[:i], new, *scene.things[i + 1 :]))

        found += [("colour", changed(replace(thing, colour=c))) for c in COLOURS]
        found += [("shape", changed(replace(thing, shape=s))) for s in SHAPES]
        found += [("size", changed(replace(thing, size=s))) for s in SIZES]
        rest = scene.things[:i] + scene.things[i + 1 :]
        found.append(("missing", replace(scene, things=rest, relation=None)))
    if len(scene.things) == 2:
        found += [("relation", replace(scene, relation=r)) for r in RELATIONS]
        one, two = scene.things
        for kind in ("colour", "shape", "size"):
            swapped = (
                replace(one, **{kind: getattr(two, kind)}),
                replace(two, **{kind: getattr(one, kind)}),
            )
            found.append(("swap", replace(scene, things=swapped)))
    found += [("background", replace(scene, background=b)) for b in BACKGROUNDS]
    same = (scene, scene.retold())
    return [(kind, other) for kind, other in found if other not in same]


def picture(scene: Scene, look: int, rng: Rng) -> Pixels:
    """A picture to learn from: of any size, resized as open_clip does, some burnt or unfinished."""
    if rng.random() < 0.1:
        scene = replace(scene, artefacts=float(rng.random()))
    size = int(rng.choice([IMAGE_SIZE, 128, 256], p=[0.86, 0.12, 0.02]))
    if rng.random() < 0.12:
        progress = float(rng.uniform(0.2, 0.95))
        pixels = emerge(scene, seed=look, width=size, height=size, progress=progress)
    else:
        pixels = draw(scene, seed=look, width=size, height=size)
    if size == IMAGE_SIZE:
        return pixels
    resized = Image.fromarray(pixels).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def encode(scenes: Sequence[Scene]) -> Codes:
    """Scenes or descriptions as numbers, (N, 9): things, two of (shape, colour, size), relation,
    background; -1 where nothing is said.
    """
    codes = np.full((len(scenes), 9), -1)
    for row, scene in zip(codes, scenes, strict=True):
        row[0] = len(scene.things)
        for i, thing in enumerate(scene.things):
            row[1 + 3 * i] = SHAPES.index(thing.shape)
            row[2 + 3 * i] = COLOURS.index(thing.colour) if thing.colour else -1
            row[3 + 3 * i] = SIZES.index(thing.size) if thing.size else -1
        row[7] = RELATIONS.index(scene.relation) if scene.relation else -1
        row[8] = BACKGROUNDS.index(scene.background) if scene.background else -1
    return codes


def true_of(said: Codes, seen: Codes) -> NDArray[np.bool_]:
    """`scene.describes` for all pairs: (pictures, captions)."""
    return _agree(said, seen) | _agree(said, retold(seen))


def retold(codes: Codes) -> Codes:
    """`Scene.retold` for codes of scenes."""
    inverse = np.array([RELATIONS.index(INVERSE[r]) for r in RELATIONS] + [-1])
    flipped = codes[:, [0, 4, 5, 6, 1, 2, 3, 7, 8]]
    flipped[:, 7] = inverse[flipped[:, 7]]
    two = codes[:, :1] == 2
    return np.where(two, flipped, codes)


def _agree(said: Codes, seen: Codes) -> NDArray[np.bool_]:
    equal = (said[None] == seen[:, None]) | (said[None] == -1)
    equal[:, :, 0] |= said[None, :, 0] == 0
    agree: NDArray[np.bool_] = equal.all(2)
    return agree


def _family(rng: Rng) -> list[Scene]:
    scene = random_scene(rng, things=2 if rng.random() < 0.8 else 1)
    by_kind: dict[str, list[Scene]] = {}
    for kind, other in variants(scene):
        by_kind.setdefault(kind, []).append(other)
    family = [scene]
    while len(family) < FAMILY:
        other = _any(rng, by_kind[_any(rng, tuple(by_kind))])
        if rng.random() < 0.15:  # two faults at once
            other = _any(rng, variants(other))[1]
        family.append(other)
    return family


def _unsaid(rng: Rng) -> dict[str, Any]:
    """What a family's captions leave out: a chance for everything, sizes and backgrounds mostly."""
    return {
        "colour": rng.random(2) < rng.choice([0.05, 0.5]),
        "size": rng.random(2) < rng.choice([0.2, 0.9]),
        "relation": rng.random() < 0.15,
        "background": rng.random() < 0.6,
    }


def _tell(scene: Scene, unsaid: dict[str, Any], rng: Rng) -> Scene:
    things = tuple(
        Thing(
            thing.shape,
            None if unsaid["colour"][i] else thing.colour,
            None if unsaid["size"][i] else thing.size,
        )
        for i, thing in enumerate(scene.things)
    )
    said = Scene(
        things,
        None if unsaid["relation"] else scene.relation,
        None if unsaid["background"] and things else scene.background,
    )
    return said.retold() if rng.random() < 0.5 else said


def _any(rng: Rng, options: Sequence[Any]) -> Any:
    return options[int(rng.integers(len(options)))]
