"""The passes of a workflow: which samplers draw the pictures that come out, and in which order.

What the passes are set to is `binding`'s business.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.workflow import roles
from orchestrator.workflow.graph import Graph, Node
from orchestrator.workflow.walk import upstream

# Of the nodes known for certain to return what they get.
SAVES = ("SaveImage", "SaveImageWebsocket")
PREVIEW = "PreviewImage"


@dataclass(frozen=True)
class Passes:
    """Samplers in the workflow's order. A later pass draws on what another pass drew."""

    first: tuple[Node, ...]
    later: tuple[Node, ...]

    @property
    def all(self) -> tuple[Node, ...]:
        return self.first + self.later


def find_outputs(graph: Graph) -> tuple[str, ...]:
    """The nodes that return finished pictures.

    Not what no sampler drew or a later pass draws over; and not previews where something is saved.
    """
    taken = {link.node for node in graph.nodes.values() for link in node.links.values()}
    ends = [n for n in graph.nodes.values() if n.id not in taken and roles.shows_images(n)]
    samplers = {node.id for node in graph.nodes.values() if roles.is_sampler(node)}
    drawn_by = {end.id: upstream(graph, [end.id]) & samplers for end in ends}
    if any(drawn_by.values()):
        ends = [end for end in ends if drawn_by[end.id]]
    ends = [end for end in ends if not any(drawn_by[end.id] < other for other in drawn_by.values())]
    if any(end.class_type in SAVES for end in ends):
        ends = [end for end in ends if end.class_type != PREVIEW]
    return tuple(end.id for end in ends)


def find_passes(graph: Graph, outputs: Sequence[str]) -> Passes:
    """The samplers upstream of `outputs`; all there are when none is."""
    samplers = {node.id: node for node in graph.nodes.values() if roles.is_sampler(node)}
    ids = upstream(graph, outputs) & samplers.keys() or samplers.keys()
    starting = {id for id in ids if upstream(graph, [id]) & ids == {id}}
    return Passes(
        first=tuple(node for id, node in samplers.items() if id in starting),
        later=tuple(node for id, node in samplers.items() if id in ids - starting),
    )
