from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.plan import needed, order, signatures
from tests.unit.sandbox.driver import node, noise, txt2img


def is_output(graph: Any) -> Any:
    return lambda node_id: graph[node_id]["class_type"] in ("SaveImage", "PreviewImage")


def sign(graph: Any) -> dict[str, str]:
    return signatures(graph, lambda node_id: "")


def test_the_usual_graph_runs_in_comfyui_s_order() -> None:
    graph = txt2img()
    assert order(graph, ["9"], (), is_output(graph)) == ["4", "5", "7", "6", "3", "8", "9"]


def test_cached_nodes_are_left_out_but_not_cached_outputs() -> None:
    graph = txt2img()
    assert order(graph, ["9"], "4567", is_output(graph)) == ["3", "8", "9"]
    assert order(graph, ["9"], graph, is_output(graph)) == ["9"]


def test_an_output_goes_first_when_it_is_ready() -> None:
    graph = {**txt2img(), **renamed(noise(), "n")}
    ordered = order(graph, ["9", "n3"], (), is_output(graph))
    assert ordered.index("n3") < ordered.index("3")


@st.composite
def graphs(draw: st.DrawFn) -> Any:
    """Any graph without cycles: each node may take from those before it."""
    graph: dict[str, Any] = {}
    for i in range(draw(st.integers(1, 12))):
        sources = draw(st.lists(st.integers(0, max(0, i - 1)), max_size=3)) if i else []
        inputs = {f"in{n}": [str(source), 0] for n, source in enumerate(sources)}
        kind = draw(st.sampled_from(["ImageBatch", "SaveImage"]))
        graph[str(i)] = node(kind, value=draw(st.integers(0, 3)), **inputs)
    return graph


@given(graphs(), st.data())
def test_every_needed_node_runs_once_and_after_its_sources(graph: Any, data: Any) -> None:
    targets = data.draw(st.lists(st.sampled_from(sorted(graph)), min_size=1, unique=True))
    ordered = order(graph, targets, (), is_output(graph))
    assert sorted(ordered) == sorted(needed(graph, targets))
    for position, node_id in enumerate(ordered):
        sources = [v[0] for v in graph[node_id]["inputs"].values() if isinstance(v, list)]
        assert set(sources) <= set(ordered[:position])


def renamed(graph: Any, prefix: str) -> Any:
    return {
        prefix + node_id: {
            **content,
            "inputs": {
                name: [prefix + value[0], value[1]] if isinstance(value, list) else value
                for name, value in content["inputs"].items()
            },
        }
        for node_id, content in graph.items()
    }


@given(graphs())
def test_signatures_do_not_depend_on_ids(graph: Any) -> None:
    assert list(sign(renamed(graph, "x")).values()) == list(sign(graph).values())


@given(graphs(), st.data())
def test_a_change_changes_just_what_depends_on_it(graph: Any, data: Any) -> None:
    changed = data.draw(st.sampled_from(sorted(graph)))
    before = sign(graph)
    graph[changed]["inputs"]["value"] = "other"
    after = sign(graph)
    for node_id in graph:
        assert (before[node_id] != after[node_id]) is (changed in needed(graph, [node_id]))


def test_what_a_node_depends_on_besides_its_inputs_counts() -> None:
    graph = noise()
    once, again = (
        signatures(graph, lambda node_id, text=text: text if node_id == "1" else "")
        for text in ("one", "two")
    )
    assert set(once.values()).isdisjoint(again.values())


def test_equal_text_and_link_differ() -> None:
    graph = {"a": node("X"), "b": node("Y", value=["a", 0]), "c": node("Y", value="a")}
    assert len(set(sign(graph).values())) == 3
