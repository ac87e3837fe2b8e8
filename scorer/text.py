"""A prompt → one text embedding, however long the prompt is.

CLIP models read a fixed number of tokens and cut the rest off in silence. Here a longer prompt is
split at its phrases into chunks that fit. Its embedding is the mean of the chunks' unit embeddings,
weighted by their tokens, and is *not* scaled back to unit length: so the score of a long prompt is
the mean of its chunks' scores, on the same scale as that of a short one. Scaled back, long prompts
would score higher for being long.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch

from scorer.errors import BadRequest

Count = Callable[[str], int]
"""Text → its tokens, those that mark start and end included."""


class TextModel(Protocol):
    @property
    def context_length(self) -> int: ...

    def count_tokens(self, text: str) -> int: ...

    def encode_texts(self, texts: tuple[str, ...]) -> torch.Tensor: ...


@dataclass(frozen=True)
class EncodedPrompt:
    embedding: torch.Tensor
    """Shape (D,), float32. Length 1, or less where there is more than one chunk."""
    tokens: int
    chunks: int


class PromptEncoder:
    """Encodes prompts and keeps the `size` latest. For one thread at a time."""

    def __init__(self, model: TextModel, size: int = 1024) -> None:
        self._model = model
        self.encode = lru_cache(maxsize=size)(self._encode)

    def _encode(self, prompt: str) -> EncodedPrompt:
        """Raises BadRequest for a prompt without a single token."""
        model = self._model
        chunks = split(prompt, model.count_tokens, model.context_length)
        marks = model.count_tokens("")
        tokens = torch.tensor([model.count_tokens(chunk) - marks for chunk in chunks])
        if not tokens.sum():
            raise BadRequest("the prompt has nothing in it that the model can read")
        weights = tokens / tokens.sum()
        embedding = weights @ model.encode_texts(chunks)
        return EncodedPrompt(embedding, tokens=int(tokens.sum()), chunks=len(chunks))


def split(prompt: str, count: Count, limit: int) -> tuple[str, ...]:
    """Split into as few chunks of at most `limit` tokens as filling one after the other gives.

    A prompt that fits comes back as it is. A split is made after a comma, semicolon, full stop or
    line break; where a phrase alone is too long, between words; where a word is, within it.
    """
    if count(prompt) <= limit:
        return (prompt,)
    chunks = [""]
    for piece in _pieces(prompt, count, limit):
        if count(chunks[-1] + piece) > limit:
            chunks.append("")
        chunks[-1] += piece
    return tuple(chunk for chunk in map(str.strip, chunks) if chunk)


def _phrases(text: str) -> list[str]:
    return re.findall(r".+?(?:[,;\n]+\s*|[.!?]\s+|$)", text, re.DOTALL)


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*", text)


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [text[:middle], text[middle:]]


def _pieces(text: str, count: Count, limit: int) -> Iterator[str]:
    """Parts that fit, each as large as can be, which joined give the text."""
    for cut in (_phrases, _words, _halves):
        parts = [part for part in cut(text) if part]
        if len(parts) > 1:
            break
    else:
        yield text  # a single character: nothing is left to cut
        return
    for part in parts:
        if count(part) <= limit:
            yield part
        else:
            yield from _pieces(part, count, limit)
