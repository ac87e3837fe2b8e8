"""Pictures: their size, their determinism, and that they show what the scene says."""

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.sandbox.draw import Pixels, draw, emerge
from orchestrator.sandbox.scene import SHAPES, Scene, Thing

RED_OVER_BLUE = Scene(
    (Thing("circle", "red", "large"), Thing("square", "blue", "small")), "above", "grey"
)


def middle(mask: np.ndarray) -> tuple[float, float]:
    """(x, y) of a mask's centre, 0 to 1 of the picture."""
    rows, columns = np.nonzero(mask)
    return float(columns.mean() / mask.shape[1]), float(rows.mean() / mask.shape[0])


def reddish(picture: Pixels) -> np.ndarray:
    red, green, blue = picture.astype(int).transpose(2, 0, 1)
    return np.asarray((red > green + 70) & (red > blue + 70))


def bluish(picture: Pixels) -> np.ndarray:
    red, green, blue = picture.astype(int).transpose(2, 0, 1)
    return np.asarray((blue > red + 60) & (blue > green + 40))


@pytest.mark.parametrize(("width", "height"), [(64, 64), (512, 512), (768, 512), (16, 40), (8, 8)])
def test_any_size(width: int, height: int) -> None:
    picture = draw(RED_OVER_BLUE, seed=1, width=width, height=height)
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8
    assert emerge(RED_OVER_BLUE, seed=1, width=width, height=height, progress=0.3).shape == (
        height,
        width,
        3,
    )


def test_same_seed_same_bytes_other_seed_other_picture() -> None:
    one, again, other = (
        draw(RED_OVER_BLUE, seed=s, width=64, height=64) for s in (2**53, 2**53, 2**53 + 1)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("width", "height"), [(96, 96), (160, 96)])
def test_things_stand_where_the_scene_says(seed: int, width: int, height: int) -> None:
    for relation, sign in (("above", -1), ("below", 1)):
        picture = draw(
            replace(RED_OVER_BLUE, relation=relation), seed=seed, width=width, height=height
        )
        red, blue = middle(reddish(picture)), middle(bluish(picture))
        assert sign * (red[1] - blue[1]) > 0.2
    for relation, sign in (("left of", -1), ("right of", 1)):
        picture = draw(
            replace(RED_OVER_BLUE, relation=relation), seed=seed, width=width, height=height
        )
        red, blue = middle(reddish(picture)), middle(bluish(picture))
        assert sign * (red[0] - blue[0]) * width / height > 0.2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_large_things_cover_more_than_small_ones(shape: str, seed: int) -> None:
    small, large = (
        reddish(
            draw(Scene((Thing(shape, "red", size),), None, "grey"), seed=seed, width=96, height=96)
        ).sum()
        for size in ("small", "large")
    )
    assert 20 < 2 * small < large


def test_an_empty_scene_is_its_background() -> None:
    means = {
        name: draw(Scene((), None, name), seed=1, width=64, height=64).mean()
        for name in ("white", "grey", "black")
    }
    assert means["white"] > means["grey"] + 50
    assert means["grey"] > means["black"] + 50


def test_artefacts_spoil_the_picture_and_leave_things_in_place() -> None:
    clean = draw(RED_OVER_BLUE, seed=4, width=96, height=96)
    burnt = draw(replace(RED_OVER_BLUE, artefacts=1.0), seed=4, width=96, height=96)
    assert np.abs(clean.astype(int) - burnt).mean() > 4
    assert middle(reddish(burnt)) == pytest.approx(middle(reddish(clean)), abs=0.05)


def test_a_picture_emerges() -> None:
    final = draw(RED_OVER_BLUE, seed=5, width=96, height=96)

    def error(progress: float) -> float:
        seen = emerge(RED_OVER_BLUE, seed=5, width=96, height=96, progress=progress)
        return float(np.abs(seen.astype(int) - final).mean())

    errors = [error(progress) for progress in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == 0
