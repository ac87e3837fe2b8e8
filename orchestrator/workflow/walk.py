"""Walking a graph's links: everything upstream, and the values that a walk along roles arrives at.

The walk knows links and slots only; which inputs are worth following is in `roles`, what is made of
the finds in `binding`. Graphs from outside may have circles and be thousands of nodes deep, so
nothing here recurses.
"""

from collections.abc import Callable, Iterable, Sequence

from orchestrator.workflow import roles
from orchestrator.workflow.graph import Graph, Node, Slot


def upstream(graph: Graph, starts: Iterable[str]) -> set[str]:
    """The ids of the nodes that `starts` depend on, themselves included."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        id = waiting.pop()
        if id not in seen:
            seen.add(id)
            waiting.extend(link.node for link in graph.nodes[id].links.values())
    return seen


def arrivals(
    graph: Graph, starts: Iterable[Slot], onward: Callable[[Node], Sequence[str]]
) -> list[Slot]:
    """The slots holding a value that are reached from `starts` by following links back.

    A slot with a value is an arrival; from one with a link the walk goes on to those inputs of the
    linked node that `onward` names, in their order.
    """
    found: list[Slot] = []
    seen: set[Slot] = set()
    waiting = list(starts)[::-1]
    while waiting:
        slot = waiting.pop()
        if slot in seen:
            continue
        seen.add(slot)
        node = graph.source(slot)
        if node is None:
            found.append(slot)
        else:
            waiting.extend(Slot(node.id, name) for name in reversed(onward(node)))
    return found


def settings(graph: Graph, node: Node, role: roles.Role) -> list[Slot]:
    """Where `role` is set for a sampler, nearest first."""
    onward = roles.towards_setting(role)
    starts = [Slot(node.id, name) for name in onward(node)]
    return [slot for slot in arrivals(graph, starts, onward) if role.accepts(graph.value(slot))]


def texts(graph: Graph, node: Node, pole: roles.Pole) -> list[Slot]:
    """The texts that a sampler's positive or negative conditioning is made of."""
    starts = [
        Slot(holder.id, name)
        for holder in _holders(graph, node, pole)
        for name in roles.towards_pole(holder, pole)
    ]
    found = arrivals(graph, starts, roles.towards_text(pole))
    return [slot for slot in found if isinstance(graph.value(slot), str)]


def _holders(graph: Graph, sampler: Node, pole: roles.Pole) -> list[Node]:
    """The nodes that tell the poles apart for a sampler: itself, its guider, or behind its pipe."""
    holders: list[Node] = []
    seen: set[str] = set()
    waiting = [sampler]
    while waiting:
        node = waiting.pop()
        if node.id in seen:
            continue
        seen.add(node.id)
        if roles.towards_pole(node, pole):
            holders.append(node)
        else:
            bundles = [link for name, link in node.links.items() if name.endswith(roles.BUNDLES)]
            waiting.extend(graph.nodes[link.node] for link in bundles)
    return holders
