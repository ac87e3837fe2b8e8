"""Short ways to make the workflows that tests talk about."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hypothesis import strategies as st

from orchestrator.errors import WorkflowError
from orchestrator.workflow import roles
from orchestrator.workflow.binding import Binding, bind
from orchestrator.workflow.graph import Graph

T = TypeVar("T")


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    """A node; `title` is its title and no input."""
    title = inputs.pop("title", "")
    meta = {"_meta": {"title": title}} if title else {}
    return {"class_type": class_type, "inputs": inputs, **meta}


def text(words: str, title: str = "") -> dict[str, Any]:
    return node("CLIPTextEncode", title=title, text=words, clip=["ckpt", 1])


def sampler(seed: Any = 5, latent: Any = ("latent", 0), **changes: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "seed": seed,
        "steps": 20,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
        "model": ["ckpt", 0],
        "positive": ["pos", 0],
        "negative": ["neg", 0],
        "latent_image": list(latent),
    }
    return node("KSampler", **{**inputs, **changes})


def advanced(latent: str, start: int, end: int, **changes: Any) -> dict[str, Any]:
    inputs = {**sampler(latent=(latent, 0))["inputs"], "noise_seed": 7}
    del inputs["seed"], inputs["denoise"]
    window = {"add_noise": "enable", "start_at_step": start, "end_at_step": end}
    return node("KSamplerAdvanced", **{**inputs, **window, **changes})


FLUX = {
    "pos": text("a cat"),
    "guided": node("FluxGuidance", guidance=3.5, conditioning=["pos", 0]),
    "guider": node("BasicGuider", model=["ckpt", 0], conditioning=["guided", 0]),
    "noise": node("RandomNoise", noise_seed=9),
    "pick": node("KSamplerSelect", sampler_name="euler"),
    "schedule": node("BasicScheduler", scheduler="simple", steps=20, denoise=1.0),
    "draw": node("SamplerCustomAdvanced", noise=["noise", 0], guider=["guider", 0],
                 sampler=["pick", 0], sigmas=["schedule", 0], latent_image=["latent", 0]),
}  # fmt: skip
"""What the plain workflow needs changed to be sampled in parts, as FLUX is."""


def plain(**changes: Any) -> dict[str, Any]:
    """Text to picture, with nodes changed or added; `name=None` removes one."""
    api: Mapping[str, Any] = {
        "ckpt": node("CheckpointLoaderSimple", ckpt_name="a.safetensors"),
        "pos": text("a red circle", "Positive"),
        "neg": text("blurry", "Negative"),
        "latent": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "draw": sampler(),
        "decode": node("VAEDecode", samples=["draw", 0], vae=["ckpt", 2]),
        "save": node("SaveImage", images=["decode", 0], filename_prefix="x"),
    }
    return {id: node for id, node in {**api, **changes}.items() if node is not None}


def bound(binding: Binding) -> dict[str, list[str]]:
    """The binding as places, roles without any left out."""
    return {k: [*map(str, v)] for k, v in vars(binding).items() if v and k != "unclear"}


def bind_api(api: Mapping[str, Any], overrides: Mapping[str, str] | None = None) -> Binding:
    return bind(Graph.from_api(api), overrides)


def given_or_error(attempt: Callable[[], T]) -> T | WorkflowError:
    """What came of an attempt: any other exception is a bug."""
    try:
        return attempt()
    except WorkflowError as error:
        return error


NAMES = st.sampled_from(
    [
        *(name for role in roles.SETTINGS.values() for name in role.names + role.lanes),
        *(roles.STEP_MARKS.names + roles.GUIDANCE.names + roles.BUNDLES + roles.SINGLE),
        *("positive", "negative", "text", "text_g", "text_l", "value", "images", "model", "any"),
    ]
)


def nodes(ids: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Nodes of any kind, connected to `ids`."""
    links = st.tuples(ids, st.integers(0, 3)).map(list)
    numbers = st.integers(-3, 2**64) | st.floats(allow_nan=False, allow_infinity=False)
    others = st.none() | st.booleans() | st.lists(st.integers(), max_size=3)
    values = st.one_of(links, links, numbers, st.text(max_size=5), others)
    classes = ["KSampler", "SaveImage", "PreviewImage", "LoadImage", "ConditioningZeroOut", "Any"]
    return st.fixed_dictionaries(
        {
            "class_type": st.sampled_from(classes),
            "inputs": st.dictionaries(NAMES, values, max_size=8),
        },
        optional={"_meta": st.fixed_dictionaries({"title": st.text(max_size=5)})},
    )


IDS = st.sampled_from(["1", "2", "3", "a.b", "é"])
APIS = st.dictionaries(IDS, nodes(IDS), max_size=5)
"""Graphs of any shape: circles, links to nowhere, inputs of the wrong kind."""

PLAIN_IDS = st.sampled_from(sorted(plain()))
WIRED = st.dictionaries(PLAIN_IDS, nodes(PLAIN_IDS), max_size=3).map(lambda new: plain(**new))
"""The plain workflow with some nodes turned into others, all links leading somewhere."""
