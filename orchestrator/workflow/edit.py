"""Changing a workflow: by the places a user names, or by the roles that `binding` found.

Every function returns a new graph and leaves the one it was given as it was.
"""

import math
from collections.abc import Mapping
from typing import Any

from orchestrator.errors import WorkflowError
from orchestrator.models import SEED_MAX, Mutation, Setting
from orchestrator.workflow import places, roles
from orchestrator.workflow.binding import Binding
from orchestrator.workflow.emphasis import weigh
from orchestrator.workflow.graph import Graph, Slot, as_link, one_line


def set_values(graph: Graph, values: Mapping[str, Any]) -> Graph:
    """Set inputs by place (`{"Positive.text": "a red circle", "3.steps": "30"}`).

    A string becomes what the input held before: a number, true or false. Raises WorkflowError where
    it can't, and for a place that is not there.
    """
    for place, value in values.items():
        slot = places.find_slot(graph, place)
        graph = graph.with_input(*slot, _like(graph, slot, value))
    return graph


def prompt_of(graph: Graph, binding: Binding) -> str:
    """The positive text as it stands. Raises WorkflowError where it only comes over a link."""
    slot = binding.slots("positive")[0]
    value = graph.value(slot)
    if not isinstance(value, str):
        raise WorkflowError(f"{graph.describe(slot)} is no text yet: say the prompt with --prompt")
    return value


def batch_of(graph: Graph, binding: Binding) -> int:
    """How many pictures the workflow makes at once; 1 where that can't be told, or changed."""
    value = graph.value(binding.batch[0]) if binding.batch else 1
    return value if roles.SETTINGS["batch"].accepts(value) else 1


def with_prompt(graph: Graph, binding: Binding, text: str) -> Graph:
    """`text` in all positive slots."""
    return _put(graph, binding.slots("positive"), text)


def with_negative(graph: Graph, binding: Binding, text: str) -> Graph:
    """`text` in all negative slots. Raises WorkflowError where the workflow takes no negative."""
    return _put(graph, binding.slots("negative"), text)


def apply(graph: Graph, binding: Binding, mutation: Mutation, *, prompt: str) -> Graph:
    """The graph for one attempt: `prompt` with the mutation's weights, its seed, its settings.

    The positive slots that hold what the first one holds get the prompt. Raises WorkflowError for a
    phrase that the prompt does not have, and for a role that is unknown or not bound.
    """
    positive = binding.slots("positive")
    same = [slot for slot in positive if graph.value(slot) == graph.value(positive[0])]
    changed = _put(graph, same, weigh(prompt, mutation.weights))
    if mutation.seed is not None:
        changed = _with_seed(changed, binding, mutation.seed)
    for role, value in mutation.settings.items():
        changed = _with_setting(changed, binding, role, value)
    return changed


def _put(graph: Graph, slots: tuple[Slot, ...] | list[Slot], value: Setting) -> Graph:
    for slot in slots:
        graph = graph.with_input(*slot, value)
    return graph


def _with_seed(graph: Graph, binding: Binding, seed: int) -> Graph:
    """`seed` in the first slot; the others keep their distance to it, so equal seeds stay equal."""
    slots = binding.slots("seed")
    before = [graph.value(slot) for slot in slots]
    for slot, value in zip(slots, before, strict=True):
        offset = 0 if as_link(value) or as_link(before[0]) else value - before[0]
        graph = graph.with_input(*slot, (seed + offset) % (SEED_MAX + 1))
    return graph


def _with_setting(graph: Graph, binding: Binding, role: str, value: Setting) -> Graph:
    slots = binding.slots(role)
    kind = roles.SETTINGS.get(role)
    if kind is None or kind is roles.SEED:
        raise WorkflowError(f"{one_line(role)} is no setting of a sampler")
    if not kind.accepts(value):
        raise WorkflowError(f"{role} can't be {value!r}: {graph.describe(slots[0])}")
    if kind is roles.STEPS:
        graph = _with_marks_moved(graph, binding, value)
    return _put(graph, slots, value)


def _with_marks_moved(graph: Graph, binding: Binding, steps: Setting) -> Graph:
    """Hand-overs between passes at the same share of the new number of steps."""
    before = graph.value(binding.steps[0])
    for slot in binding.step_marks:
        graph = graph.with_input(*slot, round(graph.value(slot) * steps / before))
    return graph


def _like(graph: Graph, slot: Slot, value: Any) -> Any:
    """`value` as the kind of thing that the slot holds now; what a link brings can be anything."""
    now = graph.value(slot)
    if not isinstance(value, str) or isinstance(now, str):
        return value
    match now:
        case bool():
            read: Any = {"true": True, "false": False}.get(value.lower())
        case int() | float():
            read = _number(value)
        case _:
            read = _number(value)
            read = value if read is None else read
    if read is None:
        raise WorkflowError(f'"{one_line(value)}" is no value for {graph.describe(slot)}')
    return read


def _number(text: str) -> int | float | None:
    """API format does not tell 7 from 7.0, so neither does this."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
