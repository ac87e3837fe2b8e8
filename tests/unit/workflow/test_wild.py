"""Other people's workflows bind as a person would bind them.

The files belong to other projects (names begin with the project's) and are not in the repository:
they are read from beside it, where they are there. `test_workflows_shipped` has our own.
"""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.models import Mutation
from orchestrator.workflow import edit
from orchestrator.workflow.binding import bind
from orchestrator.workflow.graph import Graph
from tests.unit.workflow.graphs import bound

WILD = Path(__file__).parents[3] / "../shared/workflows-wild"


def ksampler(id: str, **others: list[str]) -> dict[str, list[str]]:
    names = {"sampler": "sampler_name"}
    roles = ("seed", "steps", "cfg", "sampler", "scheduler", "denoise")
    return {**{role: [f"{id}.{names.get(role, role)}"] for role in roles}, **others}


def size(id: str) -> dict[str, list[str]]:
    return {"width": [f"{id}.width"], "height": [f"{id}.height"], "batch": [f"{id}.batch_size"]}


def resized(id: str) -> dict[str, list[str]]:
    return {"width": [f"{id}.width"], "height": [f"{id}.height"]}


def texts(positive: str, negative: str = "") -> dict[str, list[str]]:
    found = {"positive": positive.split(), "negative": negative.split()}
    return {pole: slots for pole, slots in found.items() if slots}


FLUX = {
    **texts("6.text"),
    "seed": ["25.noise_seed"],
    "steps": ["17.steps"],
    "sampler": ["16.sampler_name"],
    "scheduler": ["17.scheduler"],
    "denoise": ["17.denoise"],
    **size("5"),
    "outputs": ["9"],
}
XL_REFINED = {
    **texts("6.text 15.text", "7.text 16.text"),
    "seed": ["10.noise_seed", "11.noise_seed"],
    "steps": ["10.steps", "11.steps"],
    "step_marks": ["10.end_at_step", "11.start_at_step"],
    "cfg": ["10.cfg", "11.cfg"],
    "sampler": ["10.sampler_name", "11.sampler_name"],
    "scheduler": ["10.scheduler", "11.scheduler"],
    **size("5"),
    "outputs": ["19"],
}
SIMPLE = {**texts("6.text", "7.text"), **ksampler("3"), **size("5"), "outputs": ["9"]}
FLUX_CKPT = {**texts("6.text", "33.text"), **ksampler("31"), **size("27"), "outputs": ["9"]}

EXPECTED: dict[str, dict[str, Any]] = {
    "comfyui-api--flux-img2img": {
        **texts("6.text", "33.text"),
        **ksampler("31"),
        **resized("40"),
        "image": ["37.image"],
        "outputs": ["9"],
    },
    "comfyui-api--flux-txt2img": FLUX_CKPT,
    "comfyui-api--sd1.5-img2img": {
        **texts("6.text", "7.text"),
        **ksampler("3"),
        **resized("11"),
        "image": ["10.image"],
        "outputs": ["9"],
    },
    "comfyui-api--sd1.5-txt2img": SIMPLE,
    "comfyui-api--sdxl-img2img": {
        **texts("16.text_g 16.text_l", "19.text_g 19.text_l"),
        **ksampler("36"),
        **resized("40"),
        "image": ["38.image"],
        "outputs": ["9"],
    },
    "comfyui-api--sdxl-txt2img": {
        **texts("6.text", "7.text"),
        **ksampler("49"),
        **size("5"),
        "outputs": ["19"],
    },
    "comfyui-api--sdxl-txt2img-with-refiner": XL_REFINED,
    "worker-comfyui--flux_dev_checkpoint_example": {**FLUX_CKPT, "cfg": ["35.guidance"]},
    "worker-comfyui--workflow_flux1_dev": FLUX,
    "worker-comfyui--workflow_flux1_schnell": FLUX,
    "worker-comfyui--workflow_sd3": {
        **texts("6.text", "71.text"),
        **ksampler("271"),
        **size("135"),
        "outputs": ["273"],
    },
    "worker-comfyui--workflow_sdxl_turbo": SIMPLE,
    "worker-comfyui--workflow_webp": {**SIMPLE, "outputs": ["10", "11", "12"]},
}
pytestmark = pytest.mark.skipif(
    not WILD.is_dir(), reason="other people's workflows are not in the repository"
)


def test_every_workflow_there_is_expected() -> None:
    assert {path.stem for path in WILD.glob("*.json")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_binds_as_a_person_would(name: str) -> None:
    graph = Graph.load((WILD / f"{name}.json").read_bytes())
    assert bound(bind(graph)) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_takes_a_prompt_and_a_seed(name: str) -> None:
    graph = Graph.load((WILD / f"{name}.json").read_bytes())
    binding = bind(graph)
    after = edit.apply(graph, binding, Mutation(seed=7), prompt="a red circle")
    assert {after.value(slot) for slot in binding.positive} == {"a red circle"}
    assert after.value(binding.seed[0]) == 7
