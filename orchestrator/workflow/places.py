"""Finding the node or input that a user names: `Positive.text`, `6.text`, `Positive` or `6`.

Ids come before titles. Titles and inputs may have dots in them, so every dot is tried. Slips get a
suggestion.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from orchestrator.errors import WorkflowError
from orchestrator.workflow.graph import Graph, Node, Slot, one_line


def find(graph: Graph, place: str) -> tuple[Node, str | None]:
    """The node, and the input where one is named.

    Raises WorkflowError when nothing, or more than one thing, goes by that name.
    """
    if whole := _called(graph, place):
        return _only(graph, place, [(node, None) for node in whole])
    splits = [_split(place, at) for at, char in enumerate(place) if char == "."]
    named = [(node, input) for name, input in splits for node in _called(graph, name)]
    if not named:
        raise WorkflowError(_no_such_node(graph, place))
    fitting = [(node, input) for node, input in named if input in node.inputs]
    if not fitting:
        node, input = named[0]
        raise WorkflowError(_no_such_input(node, input))
    return _only(graph, place, fitting)


def find_slot(graph: Graph, place: str) -> Slot:
    """The same, where a place has to name an input."""
    node, input = find(graph, place)
    if input is None:
        names = ", ".join(node.inputs) or "none"
        raise WorkflowError(f'"{one_line(place)}" names a node; add one of its inputs: {names}')
    return Slot(node.id, input)


def suggestion(name: str, known: Iterable[str]) -> str:
    """` (did you mean "seed"?)`, or nothing when no known name is close."""
    by_lower = {other.lower(): other for other in known}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return f' (did you mean "{one_line(by_lower[close[0]])}"?)' if close else ""


def _called(graph: Graph, name: str) -> list[Node]:
    if name in graph.nodes:
        return [graph.nodes[name]]
    return [node for node in graph.nodes.values() if node.title == name]


def _split(place: str, at: int) -> tuple[str, str]:
    return place[:at], place[at + 1 :]


def _only(
    graph: Graph, place: str, found: Sequence[tuple[Node, str | None]]
) -> tuple[Node, str | None]:
    if len(found) > 1:
        options = "; ".join(
            graph.describe(Slot(node.id, input)) if input else str(node) for node, input in found
        )
        raise WorkflowError(
            f'"{one_line(place)}" is ambiguous: {options}; use the id, in front of the title'
        )
    return found[0]


def _no_such_node(graph: Graph, place: str) -> str:
    titles = {node.title for node in graph.nodes.values()}
    name = place.rsplit(".", 1)[0]
    hint = suggestion(name, titles) or suggestion(place, titles)
    shown = hint or f"; there are: {one_line(', '.join(map(str, graph.nodes.values())), 300)}"
    return f'no node has the id or title "{one_line(name)}"{shown}'


def _no_such_input(node: Node, input: str) -> str:
    names = ", ".join(node.inputs) or "none"
    hint = suggestion(input, node.inputs)
    return f'node {node} has no input "{one_line(input)}"{hint}; its inputs: {one_line(names, 300)}'
