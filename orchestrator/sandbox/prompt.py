"""What a prompt asks of a scene: known words, what they belong to, and their ComfyUI weights.

This is the sandbox's own small reader. It takes `(text:1.2)` emphasis as ComfyUI's text encoder
does and then looks for `scene`'s vocabulary; other words do nothing. What comes of the wishes is
`world`'s business.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

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
)

Key = tuple[str, int]
"""A phrase: its kind (object, colour, size, relation, background) and its thing's index."""

_STOP: Final = "|"
_WORD: Final = re.compile(r"[a-z]+|[,.;:\n]")
_SYNONYMS: Final = {
    **{f"{shape}s": shape for shape in SHAPES},
    "crosses": "cross",
    "gray": "grey",
    "big": "large",
    "under": "below",
    "left": "left of",
    "right": "right of",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A prompt as the world reads it.

    `said` leaves out what the prompt does not name; `weights` has a weight for each phrase it does
    name; `avoid` holds the negative prompt's known words and their weights.
    """

    said: Scene
    weights: Mapping[Key, float]
    avoid: Mapping[str, float]


def read(positive: str, negative: str = "") -> Wanted:
    """Read both prompts. Any text can be read; one without known words asks for nothing.

    Colours and sizes belong to the next shape, or to the last one when none follows before a comma.
    Things after the second are not looked at.
    """
    reader = _Reader()
    for word, weight in _words(positive):
        reader.take(word, weight)
    return reader.wanted({word: weight for word, weight in _words(negative) if word in _KNOWN})


def weighted(text: str) -> list[tuple[str, float]]:
    r"""Split a prompt into spans with the weights that ComfyUI's text encoder gives them.

    `(x)` multiplies by 1.1, `(x:w)` replaces the weight around it, both nest, and `\(` is a plain
    parenthesis. A parenthesis without partner is plain text.
    """
    masked = text.replace(r"\)", "\0\1").replace(r"\(", "\0\2")
    return [
        (span.replace("\0\1", ")").replace("\0\2", "("), weight)
        for span, weight in _spans(masked, 1.0)
    ]


def _spans(text: str, weight: float) -> Iterator[tuple[str, float]]:
    for piece in _pieces(text):
        if not (len(piece) >= 2 and piece[0] == "(" and piece[-1] == ")"):
            yield piece, weight
            continue
        inner, new = piece[1:-1], weight * 1.1
        colon = inner.rfind(":")
        if colon > 0:
            try:
                inner, new = inner[:colon], float(inner[colon + 1 :])
            except ValueError:
                inner = piece[1:-1]
        yield from _spans(inner, new)


def _pieces(text: str) -> Iterator[str]:
    """Cut before each `(` that opens and after each `)` that closes an outermost group."""
    start = depth = 0
    for i, char in enumerate(text):
        if char == "(":
            if depth == 0 and i > start:
                yield text[start:i]
                start = i
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                yield text[start : i + 1]
                start = i + 1
    if start < len(text):
        yield text[start:]


_KNOWN: Final = frozenset((*COLOURS, *SHAPES, *SIZES, *RELATIONS, *BACKGROUNDS))


def _words(text: str) -> list[tuple[str, float]]:
    """Lower-case words in their vocabulary form; punctuation that ends a clause becomes `_STOP`."""
    found: list[tuple[str, float]] = []
    for span, weight in weighted(text):
        finite = weight if math.isfinite(weight) else 0.0
        for word in _WORD.findall(span.lower()):
            found.append((_SYNONYMS.get(word, word) if word.isalpha() else _STOP, finite))
    return [
        (word, weight)
        for (word, weight), (following, _) in pairwise([*found, (_STOP, 1.0)])
        # "left" and "right" are relations only as "left of", never as in "the right colour".
        if word not in ("left of", "right of") or following == "of"
    ]


class _Reader:
    """Puts words together into a scene, left to right."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self.weights: dict[Key, float] = {}
        self.relation: str | None = None
        self.background: str | None = None
        self._waiting: dict[str, tuple[str, float]] = {}  # attributes before their shape
        self._behind: tuple[str, float] | None = (
            None  # a background word, until it proves to be one
        )

    def take(self, word: str, weight: float) -> None:
        if word in SHAPES:
            self._behind = None  # "a white circle": white is no colour of things here
            self._open_thing(word, weight)
        elif word in COLOURS or word in SIZES:
            self._waiting["colour" if word in COLOURS else "size"] = (word, weight)
        elif word in BACKGROUNDS:
            self._behind = (word, weight)
        elif word == "background":
            self._waiting.pop("colour", None)  # "a red background" colours no thing
            self._close_background()
        elif word in RELATIONS:
            self._close_clause()
            self._relate(word, weight)
        elif word in (_STOP, "and"):
            self._close_clause()

    def wanted(self, avoid: Mapping[str, float]) -> Wanted:
        self._close_clause()
        relation = self.relation if len(self.things) == 2 else None
        if relation is None:
            self.weights.pop(("relation", 0), None)
        said = Scene(tuple(self.things), relation, self.background)
        return Wanted(said, self.weights, avoid)

    def _open_thing(self, shape: str, weight: float) -> None:
        waiting, self._waiting = self._waiting, {}
        if len(self.things) == MAX_THINGS:
            return
        index = len(self.things)
        self.things.append(Thing(shape, **{kind: word for kind, (word, _) in waiting.items()}))
        self.weights["object", index] = weight
        for kind, (_, heard) in waiting.items():
            self.weights[kind, index] = heard

    def _close_clause(self) -> None:
        """Attributes without a shape ("a circle, red") go to the last thing, if it lacks them."""
        self._close_background()
        waiting, self._waiting = self._waiting, {}
        if not self.things:
            return
        index, last = len(self.things) - 1, self.things[-1]
        for kind, (word, weight) in waiting.items():
            if getattr(last, kind) is None:
                last = replace(last, **{kind: word})
                self.weights[kind, index] = weight
        self.things[-1] = last

    def _close_background(self) -> None:
        if self._behind and self.background is None:
            self.background, self.weights["background", 0] = self._behind
        self._behind = None

    def _relate(self, relation: str, weight: float) -> None:
        if self.relation is None:
            # "above a square, a circle" and "a square, a circle above it" place the second thing.
            self.relation = relation if len(self.things) == 1 else INVERSE[relation]
            self.weights["relation", 0] = weight
