"""The metrics, by name: what each means is said in its own module.

A metric is a pure function of embeddings that others share, so that one pass through the model
serves all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from scorer.metrics import clip


@dataclass(frozen=True)
class Metric:
    name: str
    version: int
    compute: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    """(image, text) embeddings, each of shape (N, D) → N values."""


METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (Metric("clip", clip.VERSION, clip.clip),)
}
