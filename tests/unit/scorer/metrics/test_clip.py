import pytest
import torch

from scorer.metrics.clip import clip


def unit(*rows: tuple[float, ...]) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.tensor(rows), dim=-1)


def test_the_score_is_a_hundred_times_the_cosine_and_not_clamped() -> None:
    images = unit((1.0, 0.0), (1.0, 0.0), (1.0, 0.0), (3.0, 4.0))
    texts = unit((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (4.0, 3.0))

    assert clip(images, texts).tolist() == pytest.approx([100.0, 0.0, -100.0, 96.0], abs=1e-4)
