"""What a node is: its inputs and outputs as `/object_info` tells them, and the function behind.

`@node` turns a function into a `Node` and files it in `NODES` under its ComfyUI class name. The
nodes themselves are the other modules of this package; checking a graph against them is
`validation`'s business and running it `execution`'s.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from orchestrator.sandbox.files import Folders

SEED_MAX: Final = 2**64 - 1
RESOLUTION_MAX: Final = 16384


@dataclass(frozen=True, slots=True)
class Encoded:
    """An image file in memory."""

    format: str
    """`JPEG` or `PNG`."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Ui:
    """What an output node shows: the `output` of its `executed` event."""

    content: Mapping[str, Any]


class Context(Protocol):
    """What a running node may use besides its inputs."""

    folders: Folders
    previews: bool
    prompt: Mapping[str, Any]
    """The graph, for the files that carry it."""
    extra_pnginfo: Mapping[str, Any]

    async def step(self) -> None:
        """Let the time of one sampler step pass, and count it."""

    def progress(self, value: int, maximum: int, image: Encoded | None = None) -> None:
        """Tell the client. Raises Interrupted when somebody wants the prompt to stop."""

    def reveal(self, picture: Mapping[str, Any]) -> None:
        """Note what is true of a picture that is being made."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input: a type name or a tuple of choices, and its options as `/object_info` has them."""

    kind: str | tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    optional: bool = False


Check = Callable[[Any, Folders], str | None]
"""Takes an input's value and says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node class."""

    name: str
    run: Callable[..., Any]
    inputs: Mapping[str, Input]
    outputs: tuple[str, ...]
    category: str
    title: str | None
    module: str = "nodes"
    output_names: tuple[str, ...] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    is_output: bool = False
    modern: bool = False
    """Written against ComfyUI's newer node interface, whose entries look a little different."""
    changed: Callable[[Mapping[str, Any], Folders], str] | None = None
    """Takes the inputs and tells what a cached result depends on besides them."""
    checks: Mapping[str, Check] = field(default_factory=dict)
    """Inputs with a check of their own, in place of the ones by range and list."""

    @property
    def wants_context(self) -> bool:
        return "context" in inspect.signature(self.run).parameters

    def config(self, name: str) -> list[Any]:
        """An input's `[type, options]`, as error bodies quote it."""
        wanted = self.inputs[name]
        if isinstance(wanted.kind, str):
            return [wanted.kind, dict(wanted.options)]
        if self.modern:
            options = {**wanted.options, "multiselect": False, "options": list(wanted.kind)}
            return ["COMBO", options]
        return [list(wanted.kind), dict(wanted.options)]


NODES: Final[dict[str, Node]] = {}
_Run = TypeVar("_Run", bound=Callable[..., Any])


def node(
    name: str,
    category: str,
    inputs: Mapping[str, Input],
    outputs: str | Sequence[str] = (),
    *,
    title: str | None = None,
    **rest: Any,
) -> Callable[[_Run], _Run]:
    """File the function as node class `name`. Plain functions run in a thread, coroutines don't."""

    def register(run: _Run) -> _Run:
        kinds = (outputs,) if isinstance(outputs, str) else tuple(outputs)
        shown = title if title or rest.get("modern") else name
        NODES[name] = Node(name, run, inputs, kinds, category, shown, **rest)
        return run

    return register


def describe(node: Node, uploads: Sequence[str]) -> dict[str, Any]:
    """A node's entry in `/object_info`. `uploads` are the image files that can be loaded."""
    described: dict[str, dict[str, Any]] = {"required": {}}
    for name, wanted in node.inputs.items():
        section = described.setdefault("optional" if wanted.optional else "required", {})
        kind, options = node.config(name)
        kind = list(uploads) if options.get("image_upload") else kind
        section[name] = [kind, options] if options else [kind]
    if node.hidden:
        described["hidden"] = dict(node.hidden)
    entry = {
        "input": described,
        "input_order": {section: list(inputs) for section, inputs in described.items()},
        "output": list(node.outputs),
        "output_is_list": [False] * len(node.outputs),
        "output_name": list(node.output_names or node.outputs),
        "name": node.name,
        "display_name": node.title,
        "description": "",
        "python_module": node.module,
        "category": node.category,
        "output_node": node.is_output,
    }
    if node.modern:
        entry |= {"deprecated": False, "experimental": False, "api_node": False}
    return entry


def integer(default: int, low: int, high: int, **options: Any) -> Input:
    return Input("INT", {"default": default, "min": low, "max": high, **options})


def number(default: float, low: float, high: float, step: float, **options: Any) -> Input:
    return Input("FLOAT", {"default": default, "min": low, "max": high, "step": step, **options})


SEED: Final = integer(0, 0, SEED_MAX, control_after_generate=True)
TEXT: Final = Input("STRING", {"multiline": True, "dynamicPrompts": True})
MODEL: Final = Input("MODEL")
CLIP: Final = Input("CLIP")
VAE: Final = Input("VAE")
CONDITIONING: Final = Input("CONDITIONING")
LATENT: Final = Input("LATENT")
IMAGE: Final = Input("IMAGE")
