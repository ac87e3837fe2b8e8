"""What it means that words describe a scene."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.scene import (
    BACKGROUNDS,
    COLOURS,
    RELATIONS,
    SHAPES,
    SIZES,
    Scene,
    Thing,
    caption,
    describes,
)

THINGS = st.builds(Thing, st.sampled_from(SHAPES), st.sampled_from(COLOURS), st.sampled_from(SIZES))
SCENES = st.builds(
    lambda things, relation, background: Scene(
        tuple(things), relation if len(things) == 2 else None, background
    ),
    st.lists(THINGS, max_size=2),
    st.sampled_from(RELATIONS),
    st.sampled_from(BACKGROUNDS),
)
RED_OVER_BLUE = Scene(
    (Thing("circle", "red", "large"), Thing("square", "blue", "small")), "above", "grey"
)


@given(SCENES)
def test_a_scene_describes_itself_told_either_way(scene: Scene) -> None:
    assert describes(scene, scene)
    assert describes(scene.retold(), scene)
    assert scene.retold().retold() == scene


@given(SCENES, st.booleans(), st.booleans())
def test_saying_less_stays_true(scene: Scene, sizes: bool, background: bool) -> None:
    said = replace(
        scene,
        things=tuple(replace(t, size=t.size if sizes else None) for t in scene.things),
        relation=None,
        background=scene.background if background else None,
    )
    assert describes(said, scene)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(RED_OVER_BLUE, relation="below"),
        replace(RED_OVER_BLUE, relation="left of"),
        replace(RED_OVER_BLUE, background="white"),
        replace(RED_OVER_BLUE, things=RED_OVER_BLUE.things[:1], relation=None),
        replace(RED_OVER_BLUE, things=(Thing("star", "red", "large"), RED_OVER_BLUE.things[1])),
        replace(RED_OVER_BLUE, things=(Thing("circle", "blue"), Thing("square", "red"))),
        replace(RED_OVER_BLUE, things=(Thing("circle", "red", "small"), Thing("square"))),
    ],
    ids=caption,
)
def test_one_wrong_word_is_enough(wrong: Scene) -> None:
    assert not describes(wrong, RED_OVER_BLUE)


def test_who_names_no_thing_describes_any() -> None:
    assert describes(Scene(), RED_OVER_BLUE)
    assert describes(Scene(background="grey"), RED_OVER_BLUE)
    assert not describes(Scene(background="teal"), RED_OVER_BLUE)


def test_captions_read_as_english() -> None:
    assert caption(RED_OVER_BLUE) == (
        "a large red circle above a small blue square, on a grey background"
    )
    assert caption(Scene((Thing("star", "orange"),))) == "an orange star"
    assert caption(Scene((Thing("star"), Thing("ring")))) == "a star and a ring"
    assert caption(Scene(background="teal")) == "a teal background"
    assert caption(Scene()) == ""
