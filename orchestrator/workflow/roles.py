"""What the inputs of ComfyUI's nodes mean, by name: the tables that `walk` follows.

API format has no types, and there are thousands of custom nodes, so nodes are known by the names of
their inputs, on which nearly all agree, and hardly ever by class. To teach the walk a new family of
nodes, add a name here. No graph is walked in this module.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.workflow.graph import Node

Pole = Literal["positive", "negative"]


@dataclass(frozen=True)
class Role:
    """A setting of a sampler: the inputs that hold it, and the links that lead to such inputs."""

    name: str
    kind: type[int] | type[float] | type[str]
    names: tuple[str, ...]
    lanes: tuple[str, ...] = ()
    """Beginnings of the names of connected inputs: `samples` is also `samples_to`."""
    from_source: bool = False
    """Whether a node that has both passes on another's say, instead of having its own."""

    def accepts(self, value: object) -> bool:
        kinds = (int, float) if self.kind is float else self.kind
        return isinstance(value, kinds) and not isinstance(value, bool)


LATENT = ("latent", "samples", "pixels", "image")
"""Beginnings of the names of links to what is drawn on, and so to its size."""

SEED = Role("seed", int, ("seed", "noise_seed"), ("noise",))
STEPS = Role("steps", int, ("steps",), ("sigmas",), from_source=True)
CFG = Role("cfg", float, ("cfg", "cfg_conds"), ("guider",))

SETTINGS = {
    role.name: role
    for role in (
        SEED,
        STEPS,
        CFG,
        Role("sampler", str, ("sampler_name",), ("sampler",)),
        Role("scheduler", str, ("scheduler",), ("sigmas",)),
        Role("denoise", float, ("denoise",), ("sigmas",)),
        Role("width", int, ("width",), LATENT),
        Role("height", int, ("height",), LATENT),
        Role("batch", int, ("batch_size", "amount"), LATENT),
    )
}

STEP_MARKS = Role("step marks", int, ("start_at_step", "end_at_step", "step"), ("sigmas",))
"""Places in the schedule, counted in steps: they move when the number of steps does."""

GUIDANCE = Role("guidance", float, ("guidance",), ("guider", "positive", "cond"))
"""The strength that FLUX was distilled with, an input of its conditioning."""

TEXT = Role("text", str, ())
"""Found by `towards_text`, which needs to know the pole."""

IMAGE = Role("image", str, ("image",))

HOLDERS = ("value", "number", "int", "float", "string", "text")
"""Inputs of primitive nodes, which hold a value for others to share."""

BUNDLES = ("guider", "pipe", "context", "sdxl_tuple", "text_embeds")
"""Ends of the names of links that carry both poles, or a guider that does: `basic_pipe`."""

SINGLE = ("conditioning", "cond1", "cond")
"""The positive conditioning of a guider or sampler that does not call it positive."""

ENCODERS = ("clip_l", "clip_g", "t5xxl", "llama", "bert", "mt5xl", "qwen25_7b")
"""Texts for one of several text encoders, called after it."""

NOT_PROMPTS = ("system_prompt",)

ELSEWHERE = ("model", "clip", "vae", "lora", "control_net", "style_model", "gligen", *LATENT)
"""Beginnings of the names of links that lead away from the prompt, in nodes of unknown kind."""


def is_sampler(node: Node) -> bool:
    """Whether the node draws: it takes a seed or noise, and conditioning over a link."""
    seeded = any(name in node.inputs for name in SEED.names) or "noise" in node.links
    return seeded and any(
        pole_of(name) == "positive" or name in SINGLE or name.endswith(BUNDLES)
        for name in node.links
    )


def shows_images(node: Node) -> bool:
    """Whether the node, if nothing takes its pictures from it, returns them."""
    shows = any(word in node.class_type.lower() for word in ("save", "preview", "send"))
    draws_to = node.inputs.get("image_output", "Hide")  # of samplers that show what they draw
    return "images" in node.links or (shows and "image" in node.links) or draws_to != "Hide"


def loads_image(node: Node) -> bool:
    return "loadimage" in node.class_type.lower() and isinstance(node.inputs.get("image"), str)


def silences(node: Node) -> bool:
    """Whether no text gets through: a zeroed conditioning says nothing, whatever it was made of."""
    return "zeroout" in node.class_type.lower()


def pole_of(name: str) -> Pole | None:
    name = name.lower()
    if "negative" in name or name.startswith("neg_"):
        return "negative"
    return "positive" if "positive" in name or name.startswith("pos_") else None


def is_text(name: str) -> bool:
    """`text`, `text_g`, `string_a`, `user_prompt`, `t5xxl`, `positive`, …"""
    name = name.lower()
    return name not in NOT_PROMPTS and (
        name.startswith(("text", "string", "prompt"))
        or name.endswith(("_text", "_prompt"))
        or name in ENCODERS
        or name in ("value", "positive", "negative")
    )


def towards_setting(role: Role) -> Callable[[Node], Sequence[str]]:
    """The inputs of a node that hold `role`, or else lead to it."""

    def onward(node: Node) -> Sequence[str]:
        links = node.links
        own = [name for name in role.names if name in node.inputs]
        lanes = [name for name in links if name.startswith(role.lanes)]
        return (
            (lanes or own if role.from_source else own or lanes)
            or [name for name in HOLDERS if name in node.inputs]
            or (list(links) if len(node.inputs) == 1 else [])
        )

    return onward


def towards_pole(node: Node, pole: Pole) -> Sequence[str]:
    """The inputs of a sampler or guider where the conditioning of one pole comes in."""
    own = [name for name in _texts_and_links(node) if pole_of(name) == pole]
    single = [name for name in SINGLE if name in node.links] if pole == "positive" else []
    return own or single[:1]


def towards_text(pole: Pole) -> Callable[[Node], Sequence[str]]:
    """The inputs of a node, somewhere behind a sampler's, from which its text comes."""

    def onward(node: Node) -> Sequence[str]:
        if silences(node):
            return []
        names = [name for name in _texts_and_links(node) if pole_of(name) in (pole, None)]
        linked = [name for name in names if name in node.links]
        return (
            [name for name in names if pole_of(name) == pole]
            or [name for name in linked if name.startswith("cond")]
            or [name for name in names if is_text(name)]
            or [name for name in linked if not name.lower().startswith(ELSEWHERE)]
        )

    return onward


def _texts_and_links(node: Node) -> list[str]:
    links = node.links
    return [
        name
        for name, value in node.inputs.items()
        if name in links or (isinstance(value, str) and is_text(name))
    ]
