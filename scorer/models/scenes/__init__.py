"""The scenes CLIP that ships with the scorer: where its files are, and how its weights unfold.

It judges the sandbox's pictures and nothing else; MODEL_CARD.md says what it can't do. The weights
leave out what never differs: all tokens but the few that its prompts are made of share one
embedding.
"""

from pathlib import Path
from typing import Final

import torch

NAME: Final = "scenes"
CONFIG: Final = Path(__file__).with_name("scenes.json")
WEIGHTS: Final = Path(__file__).with_name("weights.safetensors")

State = dict[str, torch.Tensor]

_EMBEDDING: Final = "token_embedding.weight"
_TOKENS: Final = "token_ids"


def compact(state: State, tokens: torch.Tensor, other: torch.Tensor) -> State:
    """Shrink a full state dict for shipping: fp16, and only the embeddings of `tokens`.

    `tokens` (K,) are ids of the stock tokenizer; `other` (width,) stands for all the rest.
    """
    kept = dict(state)
    kept[_EMBEDDING] = torch.cat([other[None], state[_EMBEDDING][tokens]])
    small = {name: t.half() if t.is_floating_point() else t for name, t in kept.items()}
    return {**small, _TOKENS: tokens.to(torch.int32)}


def expand(compacted: State, vocab_size: int = 49408) -> State:
    """Unfold shipped weights into the float32 state dict that open_clip's model loads."""
    state = {name: t.float() if t.is_floating_point() else t for name, t in compacted.items()}
    tokens = state.pop(_TOKENS).long()
    rows = state[_EMBEDDING]
    full = rows[0].repeat(vocab_size, 1)
    full[tokens] = rows[1:]
    return {**state, _EMBEDDING: full}
