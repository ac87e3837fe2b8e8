"""The workflows we ship load, bind and take a mutation, and mean something in the sandbox."""

import json
from pathlib import Path

import pytest

from orchestrator.models import Mutation
from orchestrator.workflow import edit
from orchestrator.workflow.binding import bind
from orchestrator.workflow.emphasis import phrases
from orchestrator.workflow.graph import Graph
from tests.unit.workflow.graphs import bound

WORKFLOWS = Path(__file__).parents[2] / "workflows"
PROMPT = "a large red circle above a small blue square, on a grey background"

COMMON = {"positive", "seed", "steps", "cfg", "sampler", "scheduler", "outputs"}
SIZE = {"width", "height", "batch"}
ROLES = {
    "flux": COMMON | SIZE | {"denoise"},
    "img2img": COMMON | {"negative", "denoise", "image"},
    "sd15": COMMON | SIZE | {"negative", "denoise"},
    "sd3": COMMON | SIZE | {"negative", "denoise"},
    "sdxl_refiner": COMMON | SIZE | {"negative", "step_marks"},
}


def load(name: str) -> Graph:
    return Graph.load((WORKFLOWS / f"{name}.json").read_bytes())


def test_every_workflow_is_known_here() -> None:
    assert {path.stem for path in WORKFLOWS.glob("*.json")} == set(ROLES)


@pytest.mark.parametrize("name", ROLES)
def test_loads_and_binds(name: str) -> None:
    graph = load(name)
    binding = bind(graph)
    assert set(bound(binding)) == ROLES[name]
    assert edit.prompt_of(graph, binding) == PROMPT
    titles = [node.title for node in graph.nodes.values()]
    assert len(set(titles)) == len(titles)
    assert graph.to_api() == json.loads((WORKFLOWS / f"{name}.json").read_text())


@pytest.mark.parametrize("name", ROLES)
def test_takes_a_mutation(name: str) -> None:
    graph = load(name)
    binding = bind(graph)
    settings = {"steps": 50, "cfg": 5.0}
    mutation = Mutation(seed=7, weights={phrases(PROMPT)[0]: 1.3}, settings=settings)
    after = edit.apply(graph, binding, mutation, prompt=PROMPT)
    weighed = "a (large red circle:1.3) above a small blue square, on a grey background"
    assert {after.value(slot) for slot in binding.positive} == {weighed}
    assert {after.value(slot) for slot in binding.seed} == {7}
    assert {after.value(slot) for slot in binding.steps} == {50}
    assert {after.value(slot) for slot in binding.cfg} == {5.0}


def test_the_refiner_takes_over_at_its_share_of_the_steps() -> None:
    graph = load("sdxl_refiner")
    binding = bind(graph)
    after = edit.apply(graph, binding, Mutation(settings={"steps": 50}), prompt=PROMPT)
    assert [after.value(slot) for slot in binding.step_marks] == [40, 40]


def test_the_prompt_is_set_by_its_title() -> None:
    after = edit.set_values(load("sd15"), {"Positive.text": "a blue ring", "Sampler.steps": "30"})
    assert edit.prompt_of(after, bind(after)) == "a blue ring"
    assert after.nodes["5"].inputs["steps"] == 30
