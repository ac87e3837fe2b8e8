"""Reading prompts: which words belong together, and the weights ComfyUI gives them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.prompt import Wanted, read, weighted
from orchestrator.sandbox.scene import (
    BACKGROUNDS,
    COLOURS,
    RELATIONS,
    SHAPES,
    SIZES,
    Scene,
    Thing,
    caption,
)

RED_CIRCLE, BLUE_SQUARE = Thing("circle", "red"), Thing("square", "blue")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a red circle above a blue square", Scene((RED_CIRCLE, BLUE_SQUARE), "above")),
        ("red circle on the left of blue square", Scene((RED_CIRCLE, BLUE_SQUARE), "left of")),
        (
            "to the left of a blue square, a red circle",
            Scene((BLUE_SQUARE, RED_CIRCLE), "right of"),
        ),
        ("a blue square with a red circle above it", Scene((BLUE_SQUARE, RED_CIRCLE), "below")),
        ("A LARGE RED CIRCLE ON GRAY", Scene((Thing("circle", "red", "large"),), None, "grey")),
        (
            "a circle, red, small, on white",
            Scene((Thing("circle", "red", "small"),), None, "white"),
        ),
        ("a red circle and a blue square", Scene((RED_CIRCLE, BLUE_SQUARE))),
        ("teal background: red circles", Scene((RED_CIRCLE,), None, "teal")),
        ("a circle on a red background", Scene((Thing("circle"),))),
        ("a white circle", Scene((Thing("circle"),))),
        ("the right colour, left alone", Scene()),
        ("above a circle", Scene((Thing("circle"),))),
        (
            "a big star, a ring, a small red cross",
            Scene((Thing("star", None, "large"), Thing("ring"))),
        ),
        ("a dog in the park, 4k, masterpiece", Scene()),
        ("", Scene()),
    ],
)
def test_words_find_what_they_belong_to(text: str, said: Scene) -> None:
    assert read(text).said == said


@given(
    st.lists(
        st.builds(
            Thing,
            st.sampled_from(SHAPES),
            st.none() | st.sampled_from(COLOURS),
            st.none() | st.sampled_from(SIZES),
        ),
        max_size=2,
    ),
    st.none() | st.sampled_from(RELATIONS),
    st.none() | st.sampled_from(BACKGROUNDS),
)
def test_captions_are_read_back(
    things: list[Thing], relation: str | None, background: str | None
) -> None:
    said = Scene(tuple(things), relation if len(things) == 2 else None, background)
    assert read(caption(said)).said == said


def test_each_named_phrase_has_the_weight_of_its_word() -> None:
    wanted = read("a (red:1.3) circle (above (a blue:1.2) square), on (grey) ground")
    assert wanted.weights == {
        ("object", 0): 1.0,
        ("colour", 0): 1.3,
        ("relation", 0): 1.1,
        ("colour", 1): 1.2,
        ("object", 1): 1.1,
        ("background", 0): 1.1,
    }


def test_the_negative_prompt_names_what_to_avoid() -> None:
    wanted = read("a circle", "ugly, (blue:1.4), squares, grey background")
    assert wanted.avoid == {"blue": 1.4, "square": 1.0, "grey": 1.0}
    assert wanted.weights == {("object", 0): 1.0}


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("a b", [("a b", 1.0)]),
        ("a (b) c", [("a ", 1.0), ("b", 1.1), (" c", 1.0)]),
        ("((b))", [("b", 1.1 * 1.1)]),
        ("(b:1.3)", [("b", 1.3)]),
        ("((b:0.5) c:1.3)", [("b", 0.5), (" c", 1.3)]),
        ("((b) c:2)", [("b", 2 * 1.1), (" c", 2.0)]),
        (r"a \(b\) c", [("a (b) c", 1.0)]),
        (r"(a \(b:1.2)", [("a (b", 1.2)]),
        ("(b:nonsense)", [("b:nonsense", 1.1)]),
        ("(:1.2)", [(":1.2", 1.1)]),
        ("(a:b:1.2)", [("a:b", 1.2)]),
        ("(b", [("(b", 1.0)]),
        ("b) (c)", [("b) (c)", 1.0)]),
        ("((b)", [("(b", 1.1)]),
        ("()", []),
        ("", []),
    ],
)
def test_emphasis_is_taken_as_comfyui_takes_it(text: str, spans: list[tuple[str, float]]) -> None:
    assert weighted(text) == spans


@given(st.text(alphabet="()\\:1.2 ab", max_size=30))
def test_emphasis_loses_no_letters(text: str) -> None:
    told = "".join(span for span, _ in weighted(text))
    assert [c for c in told if c in "ab"] == [c for c in text if c in "ab"]


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    wanted = read(text, text)
    assert isinstance(wanted, Wanted)
    assert len(wanted.said.things) <= 2
