"""The world's rules: what becomes of a prompt under a seed, and which of its phrases go wrong.

Each phrase (a thing's presence and shape, its colour, its size, the relation, the background) has a
strength, and below zero it is drawn wrong. The rules are made up, to be searched in: luck dominates
and no seed is lucky for all prompts, weights help one phrase at the others' cost, few steps are
cheaper and worse. What a prompt asks for is read in `prompt`; pixels are made in `draw`. Nothing
here depends on platform, process or order of calls: all chance is a hash of what it is about.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from statistics import NormalDist
from typing import Final

from orchestrator.sandbox.prompt import Key, Wanted
from orchestrator.sandbox.scene import (
    BACKGROUNDS,
    COLOURS,
    INVERSE,
    MAX_THINGS,
    RELATIONS,
    SHAPES,
    SIZES,
    Scene,
    Thing,
    describes,
)

BASE_STEPS: Final = 20
BASE_CFG: Final = 7.0

CHECKPOINTS: Final = {
    "scenes-easy.safetensors": {
        "object": -1.15,
        "colour": -0.8,
        "size": -1.1,
        "relation": -0.25,
        "background": -1.0,
    },
    "scenes-hard.safetensors": {
        "object": -0.8,
        "colour": -0.4,
        "size": -0.7,
        "relation": 0.3,
        "background": -0.6,
    },
}
"""How hard each kind of phrase is for a model: it fails where a standard normal is below."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a sampler is told. `index` counts pictures within a batch."""

    seed: int
    index: int = 0
    steps: int = BASE_STEPS
    cfg: float = BASE_CFG
    sampler: str = "euler"
    scheduler: str = "normal"
    checkpoint: str = "scenes-easy.safetensors"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One thing the prompt asked for, and whether the picture has it."""

    text: str
    kind: str
    weight: float
    strength: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Imagined:
    """What will be drawn. `look` is the seed for `draw`; `right` means no phrase failed."""

    scene: Scene
    phrases: tuple[Phrase, ...]
    right: bool
    look: int


Luck = Callable[[Settings, Key, str], float]


def luck(settings: Settings, key: Key, text: str) -> float:
    """A phrase's standard normal luck under a seed. Other words there have other luck.

    Most of it is the seed's own; a part comes from the way of sampling, so that a draft in few
    steps resembles the full run (correlation 0.7 at 6 against 20 steps, 0.85 at 10) and another
    sampler likewise.
    """
    own = _normal(settings, "luck", *key, text)
    path = (settings.steps, settings.sampler, settings.scheduler)
    way = _normal(settings, "way", *key, text, *path)
    faith = 0.97 * (1 - math.exp(-settings.steps / 4.5))
    return faith * own + math.sqrt(1 - faith**2) * way


def imagine(wanted: Wanted, settings: Settings, *, luck: Luck = luck) -> Imagined:
    """Decide what the picture of a prompt shows.

    Raises KeyError when `settings.checkpoint` is none of `CHECKPOINTS`.
    """
    dream = _dream(wanted, settings)
    faults = {key: _fault(key, wanted, dream, settings) for key in wanted.weights}
    strengths = {
        key: _strength(key, wanted, settings)
        + _avoidance(key, fault, wanted)
        + luck(settings, key, _text(key, wanted.said))
        for key, fault in faults.items()
    }
    wrong = {key: fault for key, fault in faults.items() if strengths[key] < 0}
    scene = _spoil(dream, wrong)
    right = describes(wanted.said, scene)
    if right:
        wrong = {}  # faults that cancel out, like swapped sides of two equal things, are none
    missing = {thing for (kind, thing), fault in wrong.items() if kind == "object" and not fault}
    phrases = tuple(
        Phrase(
            _text(key, wanted.said),
            key[0],
            weight,
            strengths[key],
            ok=key not in wrong and not missing & _concerned(key),
        )
        for key, weight in wanted.weights.items()
    )
    return Imagined(
        replace(scene, artefacts=_artefacts(wanted, settings)),
        phrases,
        right,
        look=int(_uniform(settings, "look") * 2**53),
    )


def glimpse(
    wanted: Wanted, settings: Settings, progress: float, *, candour: float = 1.0
) -> Imagined:
    """What the picture seems to show when `progress` (0 to 1) of its steps are done.

    Each phrase has its hour: before it the preview shows other luck, after it the truth. `candour`
    from 1 down to 0 puts the hours off towards the end, so that at 0 previews tell nothing about
    the result.
    """

    def unsettled(settings: Settings, key: Key, text: str) -> float:
        # A third of the phrases is settled at 0.2 of the steps, six in seven at half of them.
        hour = 0.33 * (-math.log(1 - _uniform(settings, "hour", *key))) ** 0.57
        if progress >= 1 - candour * (1 - min(hour, 1.0)):
            return luck(settings, key, text)
        return _normal(settings, "first thought", *key, text)

    return imagine(wanted, settings, luck=unsettled)


def _dream(wanted: Wanted, settings: Settings) -> Scene:
    """The prompt's scene; what it leaves open is chosen by the seed, away from the negative."""

    def choose(options: Sequence[str], *key: object) -> str:
        liked = [option for option in options if option not in wanted.avoid]
        return _choice(settings, liked or options, "unsaid", *key)

    said = wanted.said
    things = said.things or tuple(Thing(choose(SHAPES, "shape", i)) for i in range(MAX_THINGS))
    things = tuple(
        Thing(
            thing.shape,
            thing.colour or choose(COLOURS, "colour", i),
            thing.size or choose(SIZES, "size", i),
        )
        for i, thing in enumerate(things)
    )
    relation = said.relation or choose(RELATIONS, "relation") if len(things) > 1 else None
    return Scene(things, relation, said.background or choose(BACKGROUNDS, "background"))


def _strength(key: Key, wanted: Wanted, settings: Settings) -> float:
    """All but luck and the negative prompt: 0 is as likely right as wrong."""
    weights = wanted.weights
    others = [max(0.0, _gain(weight)) for other, weight in weights.items() if other != key]
    taken = sum(others) / len(others) if others else 0.0
    return (
        _gain(weights[key])
        - taken
        - CHECKPOINTS[settings.checkpoint][key[0]]
        - 0.06 * max(0, len(weights) - 5)
        - 0.35 * max(0.0, math.log2(BASE_STEPS / settings.steps))
        - 0.25 * math.log2(max(settings.cfg, 0.25) / BASE_CFG) ** 2
    )


def _gain(weight: float) -> float:
    """What a weight brings its phrase: most of it by 1.2, hardly more after 1.6."""
    return 1 - math.exp(-(weight - 1) / 0.2) if weight > 1 else 2.5 * (max(weight, 0.0) - 1)


def _avoidance(key: Key, fault: str | None, wanted: Wanted) -> float:
    """The negative prompt keeps out the faults it names, but also what the prompt asks for."""
    return 0.8 * wanted.avoid.get(fault or "", 0.0) - wanted.avoid.get(_word(key, wanted.said), 0.0)


def _fault(key: Key, wanted: Wanted, dream: Scene, settings: Settings) -> str | None:
    """What is drawn in place of a phrase, should it fail. `None`: the thing is missing."""
    kind, i = key
    roll = _uniform(settings, "fault", *key)
    others = [thing for j, thing in enumerate(dream.things) if j != i]
    word = _word(key, wanted.said)
    options: Sequence[str]
    if kind == "object":
        if roll < 0.45:
            return None
        options = [shape for shape in SHAPES if shape not in {thing.shape for thing in others}]
    elif kind == "colour":
        leaked = [thing.colour for thing in others if thing.colour != word]
        if roll < 0.6 and leaked:
            return leaked[0]
        options = COLOURS
    elif kind == "size":
        options = SIZES
    elif kind == "relation":
        if roll < 0.6:
            return INVERSE[word]
        options = [relation for relation in RELATIONS if relation != INVERSE[word]]
    else:
        options = BACKGROUNDS
    return _choice(settings, [option for option in options if option != word], "instead", *key)


def _spoil(dream: Scene, wrong: dict[Key, str | None]) -> Scene:
    things = tuple(
        Thing(
            wrong.get(("object", i)) or thing.shape,
            wrong.get(("colour", i)) or thing.colour,
            wrong.get(("size", i)) or thing.size,
        )
        for i, thing in enumerate(dream.things)
        if ("object", i) not in wrong or wrong["object", i]
    )
    relation = wrong.get(("relation", 0)) or dream.relation if len(things) > 1 else None
    return Scene(things, relation, wrong.get(("background", 0)) or dream.background)


def _artefacts(wanted: Wanted, settings: Settings) -> float:
    """How much very high cfg, heavy weights and a handful of steps mar the picture, 0 to 1."""
    heaviest = max(wanted.weights.values(), default=1.0)
    burnt = max(0.0, (settings.cfg - 12) / 15) + max(0.0, heaviest - 1.5)
    unfinished = 0.1 * max(0, 6 - settings.steps)
    return min(1.0, burnt + unfinished)


def _word(key: Key, said: Scene) -> str:
    kind, i = key
    if kind in ("relation", "background"):
        return str(getattr(said, kind))
    return str(getattr(said.things[i], "shape" if kind == "object" else kind))


def _text(key: Key, said: Scene) -> str:
    """How a person names the phrase: `red circle`, `circle above square`, `grey background`."""
    kind, i = key
    word = _word(key, said)
    if kind == "object":
        return word
    if kind == "relation":
        return f"{said.things[0].shape} {word} {said.things[1].shape}"
    return f"{word} background" if kind == "background" else f"{word} {said.things[i].shape}"


def _concerned(key: Key) -> set[int]:
    """The things without which a phrase cannot be right."""
    kind, i = key
    return {"relation": {0, 1}, "background": set()}.get(kind, {i})


def _choice(settings: Settings, options: Sequence[str], *key: object) -> str:
    return options[int(_uniform(settings, *key) * len(options))]


def _normal(settings: Settings, *key: object) -> float:
    return NormalDist().inv_cdf(_uniform(settings, *key) or 0.5)


def _uniform(settings: Settings, *key: object) -> float:
    """A number in [0, 1) that belongs to this picture of this checkpoint and this question."""
    asked = repr((settings.checkpoint, settings.seed, settings.index, *key)).encode()
    return int.from_bytes(blake2b(asked, digest_size=7).digest()) / 2**56
