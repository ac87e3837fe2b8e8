"""What the user says about where things are: `--bind prompt=6.text`.

A place is an id or a title, with or without an input; several are separated by commas. An input is
taken as it is, even when it is connected (setting it cuts the connection); a node alone stands for
those of its inputs that play the role, or that they are connected to.
"""

from collections.abc import Mapping

from orchestrator.errors import WorkflowError
from orchestrator.workflow import places, roles, walk
from orchestrator.workflow.graph import Graph, Node, Slot, as_link, one_line

TEXTS: Mapping[str, roles.Pole] = {"positive": "positive", "negative": "negative"}
ROLES = {**dict.fromkeys(TEXTS, roles.TEXT), **roles.SETTINGS, "image": roles.IMAGE}
"""Everything that slots can be bound to."""

KINDS = {int: "a whole number", float: "a number", str: "a text"}
ALIASES = {"prompt": "positive", "output": "outputs"}
NAMES = ("prompt", *ROLES, "outputs")


def read(
    graph: Graph, overrides: Mapping[str, str]
) -> tuple[dict[str, tuple[Slot, ...]], tuple[str, ...]]:
    """Role → its slots, and the output nodes; only for what is overridden."""
    slots: dict[str, tuple[Slot, ...]] = {}
    outputs: tuple[str, ...] = ()
    for name, place in overrides.items():
        role = ALIASES.get(name, name)
        parts = [part.strip() for part in place.split(",")]
        if role == "outputs":
            outputs = tuple(_output(graph, part) for part in parts)
        elif role in ROLES:
            found = [slot for part in parts for slot in _slots(graph, role, part)]
            slots[role] = tuple(dict.fromkeys(found))
        else:
            hint = places.suggestion(name, NAMES)
            raise WorkflowError(
                f'"{one_line(name)}" can\'t be bound{hint}; what can: {", ".join(NAMES)}'
            )
    return slots, outputs


def _output(graph: Graph, place: str) -> str:
    node, input = places.find(graph, place)
    if input is not None:
        raise WorkflowError(f"outputs are nodes: bind outputs={node.id}, not {one_line(place)}")
    return node.id


def _slots(graph: Graph, role: str, place: str) -> list[Slot]:
    node, input = places.find(graph, place)
    if input is not None:
        slot = Slot(node.id, input)
        if not as_link(graph.value(slot)) and not _fits(graph, role, slot):
            kind = KINDS[ROLES[role].kind]
            raise WorkflowError(
                f"{graph.describe(slot)} can't be the {spoken(role)}: it takes {kind}"
            )
        return [slot]
    own = [Slot(node.id, name) for name in node.inputs]
    fitting = [slot for slot in own if _fits(graph, role, slot)]
    found = _found(graph, role, node) or (fitting if len(fitting) == 1 else [])
    if not found:
        which = ", ".join(map(str, fitting)) or "none of its inputs could be"
        raise WorkflowError(f"node {node}: which input is the {spoken(role)}? ({which})")
    return found


def _found(graph: Graph, role: str, node: Node) -> list[Slot]:
    if role in TEXTS:
        pole = TEXTS[role]
        onward = roles.towards_text(pole)
        starts = [Slot(node.id, name) for name in onward(node)]
        found = walk.texts(graph, node, pole) or walk.arrivals(graph, starts, onward)
        return [slot for slot in found if _fits(graph, role, slot)]
    return walk.settings(graph, node, ROLES[role])


def could_be(graph: Graph, role: str, slot: Slot) -> bool:
    """Whether an input has the name and the kind of value for a role, wherever in the graph."""
    if role in TEXTS:
        named = roles.is_text(slot.input) and roles.pole_of(slot.input) in (TEXTS[role], None)
    else:
        named = slot.input in ROLES[role].names
    return named and _fits(graph, role, slot)


def spoken(role: str) -> str:
    """What users call the role."""
    return "prompt" if role == "positive" else role


def _fits(graph: Graph, role: str, slot: Slot) -> bool:
    return ROLES[role].accepts(graph.value(slot))
