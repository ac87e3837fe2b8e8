"""`clip`: how well a picture fits a text, after Hessel et al. 2021, "CLIPScore"."""

import torch

VERSION = 1


def clip(image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """100 · cos(image, text) of each pair.

    This is torchmetrics' `CLIPScore` of a single picture, before it is clamped at 0. (Hessel et al.
    scale by 2.5 instead of 100.) In theory between -100 and 100; real models give about 15 to 40.

    Args:
        image: unit embeddings, shape (N, D).
        text: the prompts' embeddings as `scorer.text` makes them, shape (N, D): unit length, or the
            weighted mean of the unit embeddings of a long prompt's chunks.

    Returns:
        Shape (N,).
    """
    return 100.0 * (image * text).sum(dim=-1)
