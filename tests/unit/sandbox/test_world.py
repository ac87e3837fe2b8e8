"""The world's rules: determinism, honest truth, and that each knob moves what it should."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.prompt import Key, read
from orchestrator.sandbox.scene import describes
from orchestrator.sandbox.world import CHECKPOINTS, Imagined, Settings, glimpse, imagine, luck

TYPICAL = "a red circle above a blue square"
EASY, HARD = CHECKPOINTS
SEED_7 = (998657813147377, [2.127708, 1.162388, 1.450192, 1.42223, 2.596421])
PROMPTS = st.sampled_from(
    [
        TYPICAL,
        "a large red circle left of a small red circle, on a grey background",
        "a circle above a circle",
        "a large star and a small star",
        "a red ring and a blue ring, on white",
        "a small green cross, on a teal background",
        "a dog in the park",
    ]
)


def right_share(prompt: str, negative: str = "", seeds: int = 600, **changes: Any) -> float:
    wanted = read(prompt, negative)
    return sum(imagine(wanted, Settings(seed, **changes)).right for seed in range(seeds)) / seeds


@given(PROMPTS, st.integers(0, 2**64 - 1), st.sampled_from([EASY, HARD]), st.integers(1, 30))
def test_right_means_that_the_prompt_describes_the_picture(
    prompt: str, seed: int, checkpoint: str, steps: int
) -> None:
    wanted = read(prompt)
    result = imagine(wanted, Settings(seed, steps=steps, checkpoint=checkpoint))
    assert result.right == describes(wanted.said, result.scene)
    assert result.right == all(phrase.ok for phrase in result.phrases)
    assert len(result.phrases) == len(wanted.weights)
    for thing in result.scene.things:
        assert thing.colour
        assert thing.size


def test_the_same_picture_on_every_machine() -> None:
    result = imagine(read(TYPICAL), Settings(seed=7))
    assert (result.look, [round(phrase.strength, 6) for phrase in result.phrases]) == SEED_7


def test_typical_prompts_are_right_in_15_to_35_percent() -> None:
    assert 0.15 <= right_share(TYPICAL) <= 0.35


def test_hard_prompts_are_rarely_right() -> None:
    hard = "a large red circle left of a small blue square, on a grey background"
    assert 0.005 <= right_share(hard, checkpoint=HARD) <= 0.08
    assert right_share(TYPICAL, checkpoint=HARD) < right_share(TYPICAL)


def test_few_steps_and_odd_cfg_are_worse() -> None:
    assert right_share(TYPICAL, steps=6) < right_share(TYPICAL, steps=10) < right_share(TYPICAL)
    assert right_share(TYPICAL, cfg=2.0) < right_share(TYPICAL)
    assert right_share(TYPICAL, cfg=25.0) < right_share(TYPICAL)


def strengths(prompt: str, negative: str = "") -> dict[str, float]:
    result = imagine(read(prompt, negative), Settings(seed=1))
    return {phrase.text: phrase.strength for phrase in result.phrases}


def test_a_weight_helps_its_phrase_at_the_cost_of_the_others() -> None:
    plain = strengths(TYPICAL)
    raised = strengths("a red circle (above:1.2) a blue square")
    assert raised["circle above square"] > plain["circle above square"]
    assert raised["red circle"] < plain["red circle"]
    assert (
        strengths("a red circle (above:0.5) a blue square")["circle above square"]
        < (plain["circle above square"])
    )


def test_weights_bring_less_and_less() -> None:
    at = [
        strengths(f"a red circle (above:{w}) a blue square")["circle above square"]
        for w in (1.0, 1.2, 1.4, 1.6, 2.0)
    ]
    gains = [after - before for before, after in pairwise(at)]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 0.5
    assert gains[-1] < 0.1


def test_weights_on_everything_help_nothing() -> None:
    assert strengths(f"({TYPICAL}:1.3)") == pytest.approx(strengths(TYPICAL))


def test_the_negative_prompt_keeps_out_what_it_names() -> None:
    wanted, avoiding = read("a circle"), read("a circle", "red, orange")
    seeds = [Settings(seed) for seed in range(200)]

    def reds(results: list[Imagined]) -> int:
        return sum(t.colour in ("red", "orange") for r in results for t in r.scene.things)

    assert reds([imagine(wanted, s) for s in seeds]) > 30
    assert reds([imagine(avoiding, s) for s in seeds]) == 0
    leaks = "green, yellow, purple, orange, blue"
    assert right_share("a red circle", leaks) > right_share("a red circle")
    assert right_share("a red circle", "red") < right_share("a red circle")


def test_burnt_pictures_are_marked_but_not_wrong() -> None:
    assert imagine(read(TYPICAL), Settings(1)).scene.artefacts == 0
    assert imagine(read(TYPICAL), Settings(1, cfg=25)).scene.artefacts > 0.5
    assert imagine(read("a (red:1.9) circle"), Settings(1)).scene.artefacts > 0.3


def correlation(one: list[float], other: list[float]) -> float:
    n = len(one)
    a, b = sum(one) / n, sum(other) / n
    cov = sum((x - a) * (y - b) for x, y in zip(one, other, strict=True))
    var = sum((x - a) ** 2 for x in one) * sum((y - b) ** 2 for y in other)
    return float(cov / var**0.5)


def lucks(key: Key = ("colour", 0), text: str = "red circle", **changes: Any) -> list[float]:
    return [luck(replace(Settings(seed), **changes), key, text) for seed in range(1500)]


def test_neighbouring_seeds_and_pictures_of_a_batch_are_independent() -> None:
    base = lucks()
    assert abs(sum(base)) / 1500 < 0.1
    assert abs(correlation(base, [*base[1:], base[0]])) < 0.1
    assert abs(correlation(base, lucks(index=1))) < 0.1
    assert abs(correlation(base, lucks(checkpoint=HARD))) < 0.1


def test_no_seed_is_lucky_for_all_prompts() -> None:
    assert abs(correlation(lucks(), lucks(text="red square"))) < 0.1
    assert abs(correlation(lucks(), lucks(key=("colour", 1)))) < 0.1


@pytest.mark.parametrize(("steps", "expected"), [(6, 0.68), (10, 0.83)])
def test_drafts_resemble_the_full_run(steps: int, expected: float) -> None:
    assert correlation(lucks(), lucks(steps=steps)) == pytest.approx(expected, abs=0.06)


def test_previews_tell_more_and_more() -> None:
    wanted = read(TYPICAL)
    seeds = [Settings(seed) for seed in range(400)]
    final = [imagine(wanted, s).scene for s in seeds]

    def agreement(progress: float, candour: float = 1.0) -> float:
        seen = [glimpse(wanted, s, progress, candour=candour).scene for s in seeds]
        return sum(a == b for a, b in zip(seen, final, strict=True)) / len(final)

    chance = agreement(0)
    assert chance < agreement(0.2) < agreement(0.33) < agreement(0.5) < agreement(1) == 1
    assert agreement(0.5, candour=0.0) == pytest.approx(chance)
    assert agreement(1, candour=0.0) == 1


def test_an_unknown_checkpoint_is_an_error() -> None:
    with pytest.raises(KeyError, match="nope"):
        imagine(read("a circle"), replace(Settings(1), checkpoint="nope"))


def test_unknown_words_draw_a_scene_without_phrases() -> None:
    result = imagine(read("a dog in the park"), Settings(3))
    assert result.right
    assert result.phrases == ()
    assert len(result.scene.things) == 2
