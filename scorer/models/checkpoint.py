"""A local weights file: what it holds, seen before it is loaded.

open_clip stretches position embeddings of another size in silence, so that weights of another
architecture load and mean nothing. Here such files, broken ones, and files that are something else
are told apart. Weights are read as data only: a pickle that would run code is refused.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from scorer.errors import ModelError

Shapes = Mapping[str, tuple[int, ...]]

_POSITIONS = ("visual.positional_embedding", "positional_embedding", "text.positional_embedding")


def check(path: Path, found: Shapes, state: Mapping[str, torch.Tensor]) -> None:
    """Raises ModelError if a file with these shapes would be stretched to fit this network."""
    for name in _POSITIONS:
        if name in found and name in state and found[name] != (shape := tuple(state[name].shape)):
            raise ModelError(
                f"{path}: weights of another architecture:"
                f" {name} is {_by(found[name])}, not {_by(shape)}"
            )


def read_shapes(path: Path) -> Shapes:
    """Names and shapes of the tensors in a weights file, without reading the tensors.

    Raises:
        ModelError: the file holds no tensors by name, or can't be read.
    """
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                names: list[str] = file.keys()
                return {name: tuple(file.get_slice(name).get_shape()) for name in names}
        content = torch.load(path, map_location="meta", weights_only=True)
    except Exception as reason:  # both readers raise all sorts of things
        if "TorchScript" in str(reason):
            raise ModelError(
                f"{path}: a TorchScript archive, as OpenAI publishes CLIP; get the same weights"
                " from open_clip with -quickgelu and openai, such as ViT-B-32-quickgelu:openai"
            ) from None
        raise ModelError(f"{path}: not a weights file, or a broken one") from reason
    shapes = _shapes(content)
    if not shapes:
        raise ModelError(f"{path}: holds no weights by name")
    return shapes


def _shapes(content: Any) -> Shapes:
    state = content.get("state_dict", content) if isinstance(content, Mapping) else {}
    tensors = ((name, value) for name, value in state.items() if isinstance(value, torch.Tensor))
    return {name.removeprefix("module."): tuple(tensor.shape) for name, tensor in tensors}


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
