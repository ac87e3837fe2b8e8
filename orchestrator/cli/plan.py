"""What `submit --dry-run` shows: where Retake changes the graph, and what it sends first."""

import json

from orchestrator.models import Target
from orchestrator.search.strategy import Weigh
from orchestrator.workflow.binding import Binding, bind
from orchestrator.workflow.edit import apply
from orchestrator.workflow.emphasis import phrases
from orchestrator.workflow.graph import Graph, Slot


def show(target: Target, *, as_json: bool) -> None:
    graph = Graph.from_api(target.workflow)
    binding = bind(graph, target.bindings)
    mutation = Weigh(target, phrases(target.prompt)).ask([])[0]
    sent = apply(graph, binding, mutation, prompt=target.prompt)
    if as_json:
        plan = {
            "bindings": {role: list(map(str, places)) for role, places in _roles(binding).items()},
            "gate": str(target.gate),
            "mutation": mutation.model_dump(mode="json", exclude_defaults=True),
            "graph": sent.to_api(),
        }
        print(json.dumps(plan))
        return
    for role, places in _roles(binding).items():
        for place in places:
            print(f"{role:>10}  {_place(graph, place)}")
    print(f"{'gate':>10}  {target.gate}, budget {target.budget.attempts}, want {target.want}")
    print(f"{'first':>10}  {mutation}")
    print(json.dumps(sent.to_api(), indent=2))


def _roles(binding: Binding) -> dict[str, tuple[Slot | str, ...]]:
    """The roles that are bound, in the order of the fields."""
    return {role: places for role, places in vars(binding).items() if places and role != "unclear"}


def _place(graph: Graph, place: Slot | str) -> str:
    if isinstance(place, Slot):
        return f"{place}  ({graph.nodes[place.node].title})  {graph.value(place)!r}"
    return f"{place}  ({graph.nodes[place].title})"
