"""In which order a graph's nodes run, and how cached results are known again. Pure.

Graphs are in API format and valid (`validation`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from json import dumps
from typing import Any

Graph = Mapping[str, Any]


def links(graph: Graph, node_id: str) -> list[str]:
    """The nodes that a node takes inputs from."""
    values = graph[node_id]["inputs"].values()
    return [value[0] for value in values if is_link(graph, value)]


def is_link(graph: Graph, value: Any) -> bool:
    """Whether an input's value is `[node id, slot]` of this graph."""
    return isinstance(value, list) and len(value) == 2 and str(value[0]) in graph


def needed(graph: Graph, targets: Iterable[str]) -> Graph:
    """The part of a graph that its targets depend on, in the graph's order."""
    found: set[str] = set()
    stack = list(targets)
    while stack:
        node_id = stack.pop()
        if node_id not in found:
            found.add(node_id)
            stack += links(graph, node_id)
    return {node_id: content for node_id, content in graph.items() if node_id in found}


def signatures(graph: Graph, changed: Callable[[str], str]) -> dict[str, str]:
    """For each node a hash of all that its result depends on, so equal ones are interchangeable.

    `changed` tells what a node depends on besides its class and inputs. A node's id is not part of
    it, so a graph with other ids finds the same results.
    """
    known: dict[str, str] = {}

    def signature(node_id: str) -> str:
        if node_id not in known:
            inputs = {
                name: ["link", signature(value[0]), value[1]]
                if is_link(graph, value)
                else ["is", value]
                for name, value in graph[node_id]["inputs"].items()
            }
            content = dumps(
                [graph[node_id]["class_type"], changed(node_id), inputs], sort_keys=True
            )
            known[node_id] = sha256(content.encode()).hexdigest()
        return known[node_id]

    for node_id in graph:
        signature(node_id)
    return known


def order(
    graph: Graph, targets: Sequence[str], cached: Collection[str], is_output: Callable[[str], bool]
) -> list[str]:
    """The nodes to visit for `targets`, each after those it needs.

    Of those that are ready an output node goes first, then what feeds one, then what feeds one
    through another node, as ComfyUI does to show pictures early; else the first one found.
    """
    waiting: dict[str, set[str]] = {}
    stack = list(reversed(targets))
    while stack:
        node_id = stack.pop()
        if node_id not in waiting:
            needed = [source for source in links(graph, node_id) if source not in cached]
            waiting[node_id] = set(needed)
            stack += needed
    feeds: dict[str, list[str]] = {node_id: [] for node_id in waiting}
    for node_id, needs in waiting.items():
        for source in needs:
            feeds[source].append(node_id)

    def distance(node_id: str) -> int:
        """Links to the nearest output node, 3 for all that are further away."""
        if is_output(node_id):
            return 0
        if any(map(is_output, feeds[node_id])):
            return 1
        return 2 if any(is_output(far) for near in feeds[node_id] for far in feeds[near]) else 3

    ordered: list[str] = []
    while waiting:
        ready = [node_id for node_id, needs in waiting.items() if not needs]
        chosen = min(ready, key=distance)
        del waiting[chosen]
        for user in feeds[chosen]:
            waiting[user].discard(chosen)
        ordered.append(chosen)
    return ordered
