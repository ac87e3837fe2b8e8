"""Where in a workflow the prompt, the seeds and the settings are, and which nodes return pictures.

The samplers behind the picture outputs are the *passes*; one that draws on what another drew is a
later pass. The first pass decides what a role's value is: later passes that carry the same value
follow it, others were given their own on purpose and are left alone. Seeds are all bound. What the
user says about it wins (`overrides`). Changing what is bound is `edit`'s business.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.errors import WorkflowError
from orchestrator.workflow import overrides as said
from orchestrator.workflow import places, roles, walk
from orchestrator.workflow.graph import Graph, Node, Slot, one_line
from orchestrator.workflow.passes import Passes, find_outputs, find_passes

Slots = tuple[Slot, ...]
REQUIRED = ("positive", "seed")


@dataclass(frozen=True)
class Binding:
    """Role → the slots that play it, all to be changed together. Empty: the workflow has none."""

    positive: Slots = ()
    negative: Slots = ()
    seed: Slots = ()
    """Of every pass, the first one's first: the others keep their distance to it."""
    steps: Slots = ()
    step_marks: Slots = ()
    """Places within the schedule of `steps` (`end_at_step`), to be moved in proportion."""
    cfg: Slots = ()
    """The guidance of a distilled model (FLUX) where real cfg is absent or off, that is 1."""
    sampler: Slots = ()
    scheduler: Slots = ()
    denoise: Slots = ()
    width: Slots = ()
    height: Slots = ()
    batch: Slots = ()
    image: Slots = ()
    """Every picture that is loaded, by LoadImage and its like."""
    outputs: tuple[str, ...] = ()
    """Ids of the nodes that return finished pictures."""
    unclear: Mapping[str, str] = field(default_factory=dict)
    """Role → why no slot is bound to it, and what to do."""

    def slots(self, role: str) -> Slots:
        """The slots of a role. Raises WorkflowError where there are none."""
        if role not in said.ROLES:
            hint = places.suggestion(role, said.ROLES)
            raise WorkflowError(f'a workflow has no "{one_line(role)}" to set{hint}')
        slots: Slots = getattr(self, role)
        if not slots:
            raise WorkflowError(self.unclear[role])
        return slots


def bind(graph: Graph, overrides: Mapping[str, str] | None = None) -> Binding:
    """Find the roles of `graph`; `overrides` maps roles to places (`{"prompt": "6.text"}`).

    Raises WorkflowError when the prompt, the seeds or the outputs can't be found or told apart, or
    when an override names nothing. What is unclear about another role is raised when it is used.
    """
    chosen, outputs = said.read(graph, overrides or {})
    outputs = outputs or find_outputs(graph)
    if not outputs:
        raise WorkflowError(
            "no node returns pictures: add a SaveImage or PreviewImage to the workflow, "
            "or name the node that does with --bind outputs=ID"
        )
    passes = find_passes(graph, outputs)
    if not passes.all and not chosen.keys() >= set(REQUIRED):
        raise WorkflowError(
            "the workflow has no sampler (a node that takes a seed and conditioning), so say where "
            "things are: --bind prompt=ID.INPUT --bind seed=ID.INPUT"
        )
    bound: dict[str, Slots] = {}
    unclear: dict[str, str] = {}
    for role in said.ROLES:
        try:
            bound[role] = chosen.get(role) or _find(graph, passes, role)
            if not bound[role]:
                raise WorkflowError(_missing(graph, role, bound))
        except WorkflowError as error:
            if role in REQUIRED:
                raise
            bound[role], unclear[role] = (), str(error)
    marks, elsewhere = _step_marks(graph, passes, bound["steps"])
    if elsewhere and "steps" not in chosen:
        bound["steps"], marks = (), ()
        unclear["steps"] = f"the passes count their steps differently: {_list(graph, elsewhere)}"
    return Binding(**bound, step_marks=marks, outputs=outputs, unclear=unclear)


def _find(graph: Graph, passes: Passes, role: str) -> Slots:
    def agreed(find: Callable[[Node], Sequence[Slot]]) -> Slots:
        first, later = (
            list(dict.fromkeys(slot for node in nodes for slot in find(node)))
            for nodes in (passes.first, passes.later)
        )
        return _agreed(graph, role, first, later)

    def everywhere(kind: roles.Role) -> Slots:
        found = (slot for node in passes.all for slot in walk.settings(graph, node, kind))
        return tuple(dict.fromkeys(found))

    match role:
        case "positive":
            return agreed(lambda node: walk.texts(graph, node, "positive"))
        case "negative":
            # Where one text feeds both (FLUX, whose negative does nothing), it is the prompt.
            prompts = {slot for node in passes.all for slot in walk.texts(graph, node, "positive")}
            return agreed(
                lambda node: [s for s in walk.texts(graph, node, "negative") if s not in prompts]
            )
        case "image":
            behind = walk.upstream(graph, (node.id for node in passes.all))
            loaders = (graph.nodes[id] for id in graph.nodes if id in behind)
            return tuple(Slot(node.id, "image") for node in loaders if roles.loads_image(node))
        case "seed":
            return everywhere(roles.SEED)
        case "cfg":
            off = all(graph.value(slot) == 1 for slot in everywhere(roles.CFG))
            kind = roles.GUIDANCE if off and everywhere(roles.GUIDANCE) else roles.CFG
            return agreed(lambda node: walk.settings(graph, node, kind))
    return agreed(lambda node: walk.settings(graph, node, roles.SETTINGS[role]))


def _agreed(graph: Graph, role: str, first: Sequence[Slot], later: Sequence[Slot]) -> Slots:
    """The first pass's slots, which must hold one value, and the later ones that hold it too.

    An empty text says nothing: beside one that does, it stays empty.
    """

    def held(slot: Slot) -> object:
        value = graph.value(slot)
        return value.strip() if isinstance(value, str) else value

    def telling(slots: Sequence[Slot]) -> Sequence[Slot]:
        return [slot for slot in slots if held(slot) != ""] or slots

    deciding = telling(first) or telling(later)
    values = {held(slot) for slot in deciding}
    if len(values) > 1:
        name = said.spoken(role)
        raise WorkflowError(
            f"{len(values)} candidates for the {name}: {_list(graph, deciding)}; "
            f"choose, e.g. --bind {name}={deciding[0]}"
        )
    return tuple(dict.fromkeys([*deciding, *(slot for slot in later if held(slot) in values)]))


def _missing(graph: Graph, role: str, bound: Mapping[str, Slots]) -> str:
    """Says what could be meant, when the walk from the samplers arrived nowhere."""
    taken = {slot for slots in bound.values() for slot in slots}
    slots = [Slot(node.id, name) for node in graph.nodes.values() for name in node.inputs]
    candidates = [s for s in slots if s not in taken and said.could_be(graph, role, s)]
    name = said.spoken(role)
    if not candidates:
        return f"the workflow has no {name}: no input that leads to a sampler looks like one"
    return (
        f"no {name} leads to a sampler; candidates: {_list(graph, candidates)}; "
        f"choose with --bind {name}={candidates[0]}"
    )


def _step_marks(graph: Graph, passes: Passes, steps: Slots) -> tuple[Slots, Slots]:
    """The marks within the schedule of `steps`; and the steps of marked passes that differ."""
    marks: list[Slot] = []
    elsewhere: list[Slot] = []
    for node in passes.all:
        for own in walk.settings(graph, node, roles.STEPS)[:1]:
            within = [
                slot
                for slot in walk.settings(graph, node, roles.STEP_MARKS)
                if 0 < graph.value(slot) < graph.value(own)
            ]
            if own in steps:
                marks += within
            elif within:
                elsewhere.append(own)
    return tuple(dict.fromkeys(marks)), tuple(elsewhere)


def _list(graph: Graph, slots: Sequence[Slot], most: int = 8) -> str:
    shown = "; ".join(graph.describe(slot) for slot in slots[:most])
    return f"{shown}; and {len(slots) - most} more" if len(slots) > most else shown
