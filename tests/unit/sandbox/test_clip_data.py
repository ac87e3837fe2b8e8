"""What the scenes CLIP is taught: that captions are true of what they are said to be true of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.clip_captions import write
from orchestrator.sandbox.clip_data import KINDS, batches, encode, random_scene, true_of, variants
from orchestrator.sandbox.prompt import read
from orchestrator.sandbox.scene import Scene, describes


@pytest.mark.parametrize("seed", range(3))
def test_truth_is_what_the_captions_say(seed: int) -> None:
    """The captions, read back by the sandbox's own reader, describe just the pictures marked."""
    rng = np.random.default_rng(seed)
    scenes = [random_scene(rng, things=n) for n in (1, 2, 2)]
    scenes += [scene for base in scenes for _, scene in variants(base)]
    said = [read(write(scene, rng)).said for scene in scenes]
    truth = true_of(encode(said), encode(scenes))
    assert truth.diagonal().all()
    for row, seen in enumerate(scenes):
        assert [describes(words, seen) for words in said] == truth[row].tolist()


@given(st.integers(0, 2**32), st.sampled_from([1, 2]))
def test_variants_differ_in_what_is_true(seed: int, things: int) -> None:
    scene = random_scene(np.random.default_rng(seed), things)
    others = variants(scene)
    assert {kind for kind, _ in others} <= set(KINDS)
    assert not any(describes(scene, other) for _, other in others)


def test_batches_repeat_with_their_seed() -> None:
    one, same, other = (next(batches(seed, families=2)) for seed in (1, 1, 2))
    assert one.captions == same.captions != other.captions
    assert np.array_equal(one.images, same.images)
    assert one.images.shape == (16, 64, 64, 3)
    assert one.truth.shape == (16, 8)
    assert one.truth[np.arange(0, 16, 2), np.arange(8)].all()


def test_a_description_without_things_is_true_of_any_picture() -> None:
    scenes = [random_scene(np.random.default_rng(seed), things=1) for seed in range(5)]
    assert true_of(encode([Scene()]), encode(scenes)).all()
