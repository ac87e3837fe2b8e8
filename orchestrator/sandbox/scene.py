"""Scenes: the sandbox's vocabulary, and when words are true of a picture.

Here live the words the sandbox knows, the frozen nouns `Thing` and `Scene`, what it means that
words describe a scene, and a plain caption. How text becomes words is `prompt`'s business, what
goes wrong is `world`'s, and pixels are `draw`'s.
"""

from dataclasses import dataclass, replace
from typing import Final

COLOURS: Final = ("red", "green", "blue", "yellow", "purple", "orange")
SHAPES: Final = ("circle", "square", "triangle", "star", "ring", "cross")
SIZES: Final = ("small", "large")
RELATIONS: Final = ("left of", "right of", "above", "below")
BACKGROUNDS: Final = ("white", "black", "grey", "beige", "teal")

INVERSE: Final = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
}
MAX_THINGS: Final = 2


@dataclass(frozen=True, slots=True)
class Thing:
    """One object. `None` means "not said", which only descriptions may leave."""

    shape: str
    colour: str | None = None
    size: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """At most two things, where the first stands seen from the second, and what is behind them.

    A *complete* scene (what is drawn) says everything; a *description* (what a prompt asks for)
    leaves out what it does not care about. `artefacts`, from 0 to 1, spoils the drawing without
    making it wrong.
    """

    things: tuple[Thing, ...] = ()
    relation: str | None = None
    background: str | None = None
    artefacts: float = 0.0

    def retold(self) -> "Scene":
        """The same scene told the other way round: `a above b` becomes `b below a`."""
        relation = INVERSE[self.relation] if self.relation else None
        return replace(self, things=self.things[::-1], relation=relation)


def describes(said: Scene, scene: Scene) -> bool:
    """Whether all that `said` names is true of the complete `scene`.

    Things count: who names one thing does not describe a picture of two. Who names none describes
    any.
    """
    return _agrees(said, scene) or _agrees(said, scene.retold())


def _agrees(said: Scene, scene: Scene) -> bool:
    if said.background not in (None, scene.background):
        return False
    if not said.things:
        return True
    if len(said.things) != len(scene.things) or said.relation not in (None, scene.relation):
        return False
    return all(
        asked.shape == seen.shape
        and asked.colour in (None, seen.colour)
        and asked.size in (None, seen.size)
        for asked, seen in zip(said.things, scene.things, strict=True)
    )


def caption(said: Scene) -> str:
    """Plain English: `a large red circle above a small blue square, on a grey background`."""
    between = f" {said.relation} " if said.relation else " and "
    parts = [between.join(_noun_phrase(thing) for thing in said.things)]
    if said.background:
        where = "on " if said.things else ""
        parts.append(f"{where}a {said.background} background")
    return ", ".join(part for part in parts if part)


def _noun_phrase(thing: Thing) -> str:
    words = " ".join(word for word in (thing.size, thing.colour, thing.shape) if word)
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
