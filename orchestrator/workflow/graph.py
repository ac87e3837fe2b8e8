"""A workflow in API format: load it, look at it, change it without touching the original.

Here live the graph and its links, and what makes a text a workflow at all. What its inputs *mean*
(which text is the prompt, which number the seed) is `binding`'s business.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from orchestrator.errors import WorkflowError

HOW_TO_EXPORT = 'in ComfyUI choose "Workflow > Export (API)" and give the file it saves'

BOOKKEEPING = "is_changed"
"""A key that ComfyUI adds to nodes while it runs, found in its PNGs. Sent back, it would make the
server take changed files for unchanged ones; often it is NaN, which JSON can't carry."""


class Slot(NamedTuple):
    """One input of one node."""

    node: str
    input: str

    def __str__(self) -> str:
        return f"{self.node}.{self.input}"


class Link(NamedTuple):
    """One output of one node: what an input holds instead of a value when it is connected."""

    node: str
    output: int


def as_link(value: object) -> Link | None:
    """`["4", 1]` is a link; every other value is just a value."""
    match value:
        case [str(node), int(output)] if not isinstance(output, bool):
            return Link(node, output)
    return None


@dataclass(frozen=True)
class Node:
    """One node. `title` is what the user sees on it: `_meta.title`, or else its class."""

    id: str
    class_type: str
    inputs: Mapping[str, Any]
    title: str

    def __str__(self) -> str:
        return one_line(f'{self.id} "{self.title}"')

    @cached_property
    def links(self) -> Mapping[str, Link]:
        """The connected inputs."""
        links = {name: as_link(value) for name, value in self.inputs.items()}
        return {name: link for name, link in links.items() if link is not None}


@dataclass(frozen=True)
class Graph:
    """A workflow whose nodes all have a class and whose links all lead to a node."""

    _api: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(cls, text: str | bytes) -> "Graph":
        """Read API-format JSON, plain or inside `{"prompt": …}` or `{"input": {"workflow": …}}`.

        Raises WorkflowError when `text` is not JSON, is ComfyUI's UI format, has no nodes, or has a
        node without a class or a link to nowhere.
        """
        if not text.strip():
            raise WorkflowError(f"the workflow is empty; {HOW_TO_EXPORT}")
        try:
            data = json.loads(text.removeprefix("\ufeff") if isinstance(text, str) else text)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise WorkflowError(f"the workflow is not JSON ({where}: {error.msg})") from None
        except (ValueError, RecursionError) as error:
            raise WorkflowError(f"the workflow is not JSON ({one_line(str(error))})") from None
        return cls.from_api(data)

    @classmethod
    def from_api(cls, api: Mapping[str, Any]) -> "Graph":
        """The same from parsed JSON, which is copied."""
        if not isinstance(api, Mapping):
            kind = "a list" if isinstance(api, list) else f"{api!r:.20}"
            raise WorkflowError(f"a workflow is a JSON object of nodes, not {kind}")
        nodes = _unwrapped(api)
        if isinstance(nodes.get("nodes"), list):
            raise WorkflowError(
                f"this is ComfyUI's UI format, which only its editor reads; {HOW_TO_EXPORT}"
            )
        if not nodes:
            raise WorkflowError(f"the workflow has no nodes; {HOW_TO_EXPORT}")
        graph = cls({str(id): _checked(str(id), node) for id, node in nodes.items()})
        graph._check_links()
        return graph

    def to_api(self) -> dict[str, Any]:
        """API-format JSON, nodes in their original order, the caller's to keep."""
        return _copied(self._api)

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        return MappingProxyType({id: _node(id, node) for id, node in self._api.items()})

    def value(self, slot: Slot) -> Any:
        """What the input holds: a value or a link. None where there is no such input."""
        return self.nodes[slot.node].inputs.get(slot.input)

    def source(self, slot: Slot) -> Node | None:
        """The node whose output the input is connected to."""
        link = as_link(self.value(slot))
        return self.nodes[link.node] if link else None

    def with_input(self, node_id: str, input: str, value: Any) -> "Graph":
        """A graph that differs in one input."""
        node = self._api[node_id]
        inputs = {**node.get("inputs", {}), input: value}
        return Graph({**self._api, node_id: {**node, "inputs": inputs}})

    def describe(self, slot: Slot) -> str:
        """`6 "Positive" text: a red circle…`, for messages."""
        value = self.value(slot)
        link = as_link(value)
        shown = f"(from {self.nodes[link.node]})" if link else one_line(str(value), 40)
        return f"{self.nodes[slot.node]} {slot.input}: {shown}"

    def _check_links(self) -> None:
        for node in self.nodes.values():
            for name, link in node.links.items():
                if link.node not in self._api:
                    raise WorkflowError(
                        f"node {node}: input {one_line(name)} is connected to node "
                        f"{one_line(link.node)}, which is not in the workflow"
                    )


def one_line(text: str, width: int = 80) -> str:
    """Text for the middle of a message: printable, no line breaks, cut at `width` characters."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def _unwrapped(data: Mapping[str, Any]) -> Mapping[str, Any]:
    wrapper = data.get("input")
    inside = wrapper.get("workflow") if isinstance(wrapper, Mapping) else data.get("prompt")
    return inside if isinstance(inside, Mapping) and "class_type" not in inside else data


def _checked(id: str, node: Any) -> dict[str, Any]:
    """A private copy of the node, with nothing in it that JSON can't carry."""
    where = f"node {one_line(id)}"
    if not isinstance(node, Mapping) or not isinstance(node.get("class_type"), str):
        raise WorkflowError(
            f"{where} has no class_type, so this is not API format; {HOW_TO_EXPORT}"
        )
    if not isinstance(node.get("inputs", {}), Mapping):
        raise WorkflowError(f"{where}: inputs is not a JSON object")
    try:
        return _copied({key: value for key, value in node.items() if key != BOOKKEEPING})
    except (ValueError, TypeError, RecursionError) as error:
        raise WorkflowError(f"{where} can't be sent as JSON: {one_line(str(error))}") from None


def _copied(data: Mapping[str, Any]) -> dict[str, Any]:
    """Through the bytes that would go to a server, so what can't go there is found here."""
    copied: dict[str, Any] = json.loads(
        json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
    )
    return copied


def _node(id: str, api: Mapping[str, Any]) -> Node:
    meta = api.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    if not isinstance(title, str) or not title.strip():
        title = api["class_type"]
    return Node(id, api["class_type"], MappingProxyType(api.get("inputs", {})), title)
