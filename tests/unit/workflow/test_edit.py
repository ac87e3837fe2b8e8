from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import WorkflowError
from orchestrator.models import SEED_MAX, Mutation, Seed
from orchestrator.workflow import edit
from orchestrator.workflow.binding import bind
from orchestrator.workflow.graph import Graph
from tests.unit.workflow.graphs import (
    WIRED,
    advanced,
    bound,
    given_or_error,
    node,
    plain,
    sampler,
    text,
)

SEEDS = st.integers(0, SEED_MAX)


def changed(before: Graph, after: Graph) -> dict[str, Any]:
    """Place → new value, for every input that differs."""
    return {
        f"{id}.{name}": value
        for id, node in after.nodes.items()
        for name, value in node.inputs.items()
        if before.nodes[id].inputs.get(name) != value
    }


def applied(api: dict[str, Any], mutation: Mutation, prompt: str = "a red circle") -> Any:
    graph = Graph.from_api(api)
    after = edit.apply(graph, bind(graph), mutation, prompt=prompt)
    assert graph.to_api() == api
    return changed(graph, after)


@pytest.mark.parametrize(
    ("place", "value", "slot", "expected"),
    [
        ("Positive.text", "a cat", "pos.text", "a cat"),
        ("pos.text", "42", "pos.text", "42"),
        ("draw.steps", "30", "draw.steps", 30),
        ("draw.steps", 30, "draw.steps", 30),
        ("draw.cfg", "4", "draw.cfg", 4),
        ("draw.steps", "4.5", "draw.steps", 4.5),
        ("KSampler.cfg", "4.5", "draw.cfg", 4.5),
        ("flags.tiled", "True", "flags.tiled", True),
        ("flags.empty", "3", "flags.empty", 3),
        ("flags.empty", "3.5", "flags.empty", 3.5),
        ("flags.empty", "abc", "flags.empty", "abc"),
        ("draw.latent_image", "7", "draw.latent_image", 7),
    ],
)
def test_sets_an_input_to_the_kind_of_value_it_held(
    place: str, value: Any, slot: str, expected: Any
) -> None:
    graph = Graph.from_api(plain(flags=node("Flags", tiled=False, empty=None)))
    after = edit.set_values(graph, {place: value})
    assert changed(graph, after) == {slot: expected}
    assert type(changed(graph, after)[slot]) is type(expected)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"draw.steps": "many"}, '"many" is no value for draw "KSampler" steps: 20'),
        ({"draw.cfg": "nan"}, "no value for"),
        ({"flags.tiled": "perhaps"}, "no value for"),
        ({"Positive": "a cat"}, '"Positive" names a node; add one of its inputs: text, clip'),
        ({"Positve.text": "a cat"}, 'did you mean "Positive"'),
        ({"draw.step": "3"}, 'did you mean "steps"'),
    ],
)
def test_a_value_that_does_not_fit_is_explained(values: dict[str, str], says: str) -> None:
    graph = Graph.from_api(plain(flags=node("Flags", tiled=False)))
    with pytest.raises(WorkflowError) as error:
        edit.set_values(graph, values)
    assert says in str(error.value)


def test_prompts_go_to_every_slot_of_their_role() -> None:
    graph = Graph.from_api(plain(pos=node("SDXL", text_g="a cat", text_l="a cat")))
    binding = bind(graph)
    assert edit.prompt_of(graph, binding) == "a cat"
    after = edit.with_negative(edit.with_prompt(graph, binding, "a dog"), binding, "grey")
    assert changed(graph, after) == {
        "pos.text_g": "a dog",
        "pos.text_l": "a dog",
        "neg.text": "grey",
    }


def test_a_negative_that_the_workflow_does_not_take_is_an_error() -> None:
    graph = Graph.from_api(plain(neg=node("ConditioningZeroOut", conditioning=["pos", 0])))
    with pytest.raises(WorkflowError, match="no negative"):
        edit.with_negative(graph, bind(graph), "grey")


def test_a_prompt_that_comes_over_a_link_has_to_be_said() -> None:
    api = plain(llm=node("Writer", model=["ckpt", 0]), pos=node("Encode", text=["llm", 0]))
    graph = Graph.from_api(api)
    binding = bind(graph, {"prompt": "pos.text"})
    with pytest.raises(WorkflowError, match="say the prompt with --prompt"):
        edit.prompt_of(graph, binding)
    after = edit.apply(graph, binding, Mutation(seed=1), prompt="a cat")
    assert changed(graph, after) == {"pos.text": "a cat", "draw.seed": 1}


def test_a_mutation_changes_what_it_names_and_nothing_else() -> None:
    assert applied(plain(), Mutation()) == {}
    assert applied(plain(), Mutation(seed=9)) == {"draw.seed": 9}
    assert applied(plain(), Mutation(weights={"red circle": 1.3})) == {
        "pos.text": "a (red circle:1.3)"
    }
    settings = {"steps": 30, "cfg": 4, "sampler": "heun", "scheduler": "karras", "denoise": 0.5}
    assert applied(plain(), Mutation(settings=settings)) == {
        "draw.steps": 30,
        "draw.cfg": 4,
        "draw.sampler_name": "heun",
        "draw.scheduler": "karras",
        "draw.denoise": 0.5,
    }
    assert applied(plain(), Mutation(settings={"width": 640})) == {"latent.width": 640}


def test_texts_that_the_user_bound_but_that_differ_stay_different() -> None:
    graph = Graph.from_api(plain(pos=node("SDXL", text_g="a cat", text_l="photo")))
    binding = bind(graph, {"prompt": "pos"})
    after = edit.apply(graph, binding, Mutation(weights={"cat": 1.2}), prompt="a cat")
    assert changed(graph, after) == {"pos.text_g": "a (cat:1.2)"}


@given(SEEDS, SEEDS, SEEDS, SEEDS)
def test_seeds_keep_their_relation(seed: Seed, first: Seed, second: Seed, third: Seed) -> None:
    api = plain(
        draw=advanced("draw2", 0, 99, noise_seed=third, add_noise="disable"),
        draw2=advanced("draw1", 0, 99, noise_seed=second),
        draw1=advanced("latent", 0, 99, noise_seed=first),
    )
    graph = Graph.from_api(api)
    binding = bind(graph)
    assert bound(binding)["seed"][0] == "draw1.noise_seed"
    after = edit.apply(graph, binding, Mutation(seed=seed), prompt="a red circle")
    now = {slot: after.value(slot) for slot in binding.seed}
    was = {slot: graph.value(slot) for slot in binding.seed}
    assert now[binding.seed[0]] == seed
    for slot in binding.seed:
        assert 0 <= now[slot] <= SEED_MAX
        assert (now[slot] - was[slot] - seed + first) % (SEED_MAX + 1) == 0


def test_a_seed_for_all_is_set_once() -> None:
    api = plain(
        shared=node("Seed (rgthree)", seed=-1),
        draw=sampler(["shared", 0], latent=("draw1", 0)),
        draw1=sampler(["shared", 0]),
    )
    assert applied(api, Mutation(seed=3)) == {"shared.seed": 3}


def test_a_bound_seed_that_comes_over_a_link_is_cut_loose() -> None:
    api = plain(dice=node("Dice", sides=[]), draw=sampler(["dice", 0]))
    graph = Graph.from_api(api)
    binding = bind(graph, {"seed": "draw.seed"})
    after = edit.apply(graph, binding, Mutation(seed=3), prompt="a red circle")
    assert changed(graph, after) == {"draw.seed": 3}


def test_a_hand_over_stays_at_its_share_of_the_steps() -> None:
    api = plain(draw=advanced("draw1", 15, 10000), draw1=advanced("latent", 0, 15))
    assert applied(api, Mutation(settings={"steps": 30})) == {
        "draw1.steps": 30,
        "draw.steps": 30,
        "draw1.end_at_step": 22,
        "draw.start_at_step": 22,
    }


@pytest.mark.parametrize(
    ("mutation", "says"),
    [
        (Mutation(weights={"blue square": 1.2}), 'does not have the phrase "blue square"'),
        (Mutation(settings={"step": 3}), 'no "step" to set (did you mean "steps"?)'),
        (Mutation(settings={"seed": 3}), "seed is no setting"),
        (Mutation(settings={"positive": "x"}), "positive is no setting"),
        (Mutation(settings={"steps": 2.5}), "steps can't be 2.5: draw"),
        (Mutation(settings={"sampler": 3}), "sampler can't be 3"),
    ],
)
def test_a_mutation_that_does_not_fit_is_an_error(mutation: Mutation, says: str) -> None:
    with pytest.raises(WorkflowError) as error:
        applied(plain(), mutation)
    assert says in str(error.value)


def test_a_setting_that_is_not_bound_is_an_error() -> None:
    api = plain(other=sampler(8, cfg=3.0), save2=node("SaveImage", images=["other", 0]))
    with pytest.raises(WorkflowError, match="2 candidates for the cfg"):
        applied(api, Mutation(settings={"cfg": 4.0}))


@given(WIRED, SEEDS, st.integers(1, 99))
def test_any_bound_graph_takes_a_mutation(api: dict[str, Any], seed: int, steps: int) -> None:
    graph = Graph.from_api(plain(**{**api, "words": text("")}))
    binding = given_or_error(lambda: bind(graph))
    if isinstance(binding, WorkflowError):
        return
    before = graph.to_api()
    settings = {"steps": steps} if binding.steps else {}
    after = edit.apply(
        graph, binding, Mutation(seed=seed, settings=settings), prompt="a new prompt"
    )
    assert graph.to_api() == before
    assert edit.prompt_of(after, binding) == "a new prompt"
    assert after.value(binding.seed[0]) == seed
    again = edit.apply(after, binding, Mutation(seed=seed), prompt="a new prompt")
    assert again == after
