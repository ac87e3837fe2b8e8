"""The shipped scenes CLIP is as good as its model card says, and the figures mean what they say."""

import numpy as np
import pytest
import torch

from orchestrator.sandbox.clip_report import Judge, auc, report, spearman, table
from orchestrator.sandbox.draw import draw
from orchestrator.sandbox.scene import Scene, Thing
from scorer.models import scenes


def test_auc_is_the_chance_to_rank_a_pair_rightly() -> None:
    right = np.array([True, True, False, False])
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), right) == 1
    assert auc(np.array([4.0, 1.0, 3.0, 2.0]), right) == 0.5


def test_spearman_looks_at_ranks_alone() -> None:
    values = np.array([1.0, 2.0, 5.0, 3.0])
    assert spearman(values, values**3) == pytest.approx(1)
    assert spearman(values, -values) == pytest.approx(-1)


def test_the_shipped_weights_reach_their_figures() -> None:
    """A small sample of what the model card reports."""
    torch.set_num_threads(1)
    found = report(scenes.WEIGHTS, scale=0.08)
    assert found.first_of_16 >= 0.8, table(found)
    assert found.auc >= 0.9, table(found)
    assert found.precision >= 0.95, table(found)
    assert found.mean_right > 30, table(found)


def test_words_around_a_prompt_do_nothing_much() -> None:
    judge = Judge(scenes.WEIGHTS)
    scene = Scene(
        (Thing("circle", "red", "large"), Thing("star", "blue", "small")), "above", "grey"
    )
    picture = draw(scene, seed=3, width=512, height=384)
    plain, dressed, wrong = judge(
        [picture],
        [
            "a red circle above a blue star",
            "masterpiece, a red circle above a blue star, cinematic lighting, 8k",
            "masterpiece, a blue circle above a red star, cinematic lighting, 8k",
        ],
    )[0]
    assert dressed == pytest.approx(plain, abs=4)
    assert min(plain, dressed) >= 28 > wrong


def test_weights_survive_shrinking_and_unfolding() -> None:
    rows = torch.arange(12.0).reshape(6, 2)
    tokens = torch.tensor([1, 4])
    small = scenes.compact({"token_embedding.weight": rows}, tokens, other=torch.tensor([-1.0, -2]))
    full = scenes.expand(small, vocab_size=6)["token_embedding.weight"]
    assert full[tokens].tolist() == rows[tokens].tolist()
    assert full[[0, 2, 3, 5]].tolist() == [[-1, -2]] * 4
