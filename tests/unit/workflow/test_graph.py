import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import WorkflowError
from orchestrator.workflow.graph import Graph, Link, Slot, as_link
from tests.unit.workflow.graphs import APIS, given_or_error, node, plain, sampler

UI = {"last_node_id": 9, "nodes": [{"id": 3, "type": "KSampler"}], "links": [], "version": 0.4}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda api: api,
        lambda api: {"prompt": api},
        lambda api: {"prompt": api, "client_id": "x", "extra_data": {}},
        lambda api: {"input": {"workflow": api}},
        lambda api: {"input": {"workflow": api, "images": []}, "webhook": "x"},
    ],
)
@pytest.mark.parametrize("encode", [str, str.encode, lambda text: "\ufeff" + text])
def test_loads_api_format_however_it_is_wrapped(wrap: Any, encode: Any) -> None:
    graph = Graph.load(encode(json.dumps(wrap(plain()))))
    assert graph.to_api() == plain()


def test_a_node_called_prompt_is_no_wrapper() -> None:
    api = {"prompt": node("CLIPTextEncode", text="x")}
    assert Graph.from_api(api).to_api() == api


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (b" \n", "empty"),
        ("{'a': 1}", "not JSON (line 1, column 2"),
        ('{\n "a": 1,\n}', "not JSON (line 3"),
        (b"\x89PNG\r\n\x1a\n\xff", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"1": ' + "9" * 5000 + "}", "not JSON"),
        ("[]", "not a list"),
        ("42", "not 42"),
        ("{}", "no nodes"),
        ('{"prompt": {}}', "no nodes"),
        (json.dumps(UI), "Export (API)"),
        (json.dumps({"prompt": UI}), "UI format"),
        ('{"3": {"inputs": {}}}', "node 3 has no class_type"),
        ('{"3": 7}', "node 3 has no class_type"),
        ('{"3": {"class_type": "A", "inputs": []}}', "node 3: inputs"),
        ('{"3": {"class_type": "A", "inputs": {"x": NaN}}}', "node 3 can't be sent"),
        ('{"3": {"class_type": "A", "inputs": {"x": 1e999}}}', "node 3 can't be sent"),
        ('{"3": {"class_type": "A", "inputs": {"x": "\\ud800"}}}', "node 3 can't be sent"),
        (
            '{"3": {"class_type": "A", "inputs": {"model": ["9", 0]}, "_meta": {"title": "T"}}}',
            'node 3 "T": input model is connected to node 9, which is not in the workflow',
        ),
    ],
)
def test_says_what_is_wrong_with_a_workflow(text: str | bytes, says: str) -> None:
    with pytest.raises(WorkflowError) as error:
        Graph.load(text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_titles_are_made_fit_for_a_terminal() -> None:
    api = {"1": node("A", title="two\nlines\x1b[31m", model=["9", 0])}
    with pytest.raises(WorkflowError) as error:
        Graph.from_api(api)
    assert '1 "two lines [31m"' in str(error.value)


def test_a_node_without_a_title_goes_by_its_class() -> None:
    graph = Graph.from_api({"1": node("A"), "2": node("B", title="Bee"), "3": node("C", title=" ")})
    assert [n.title for n in graph.nodes.values()] == ["A", "Bee", "C"]


def test_what_the_server_added_is_left_out() -> None:
    """ComfyUI's PNGs carry `is_changed`, which is often NaN and wrong to send back."""
    text = '{"1": {"class_type": "A", "inputs": {"x": 1}, "is_changed": [NaN]}}'
    assert Graph.load(text).to_api() == {"1": node("A", x=1)}


@pytest.mark.parametrize("value", [["1", True], ["1"], ["1", 0, 0], [1, 2], "1", 1, None, {}])
def test_other_values_are_no_links(value: object) -> None:
    assert as_link(value) is None
    assert as_link(["1", 2]) == Link("1", 2)


def test_an_edit_leaves_the_original_alone() -> None:
    graph = Graph.from_api(plain())
    edited = graph.with_input("draw", "seed", 6)
    assert edited.to_api() == plain(draw=sampler(6))
    assert graph.to_api() == plain()
    assert edited.value(Slot("draw", "seed")) == 6


def test_nodes_keep_their_order_and_what_else_they_have() -> None:
    api = {"9": {**node("A"), "extra": [1]}, "1": {"class_type": "B", "_meta": {"note": 1}}}
    graph = Graph.from_api(api).with_input("1", "x", 1)
    after = graph.to_api()
    assert list(after) == ["9", "1"]
    assert after == {**api, "1": {**api["1"], "inputs": {"x": 1}}}


def test_copies_are_the_callers_to_change() -> None:
    api = plain()
    graph = Graph.from_api(api)
    api["draw"]["inputs"]["model"][0] = "elsewhere"
    graph.to_api()["draw"]["inputs"]["model"][0] = "elsewhere"
    assert graph.to_api() == plain()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.one_of(st.text(), st.binary(), JSON.map(json.dumps), APIS.map(json.dumps)))
def test_anything_loads_or_is_explained(text: str | bytes) -> None:
    result = given_or_error(lambda: Graph.load(text))
    if isinstance(result, WorkflowError):
        assert len(str(result).splitlines()) == 1
    else:
        assert Graph.load(json.dumps(result.to_api())) == result


@given(APIS)
def test_what_loads_comes_back_as_it_was(api: dict[str, Any]) -> None:
    links = [link for node in api.values() for v in node["inputs"].values() if (link := as_link(v))]
    if api and all(link.node in api for link in links):
        assert Graph.load(json.dumps(api)).to_api() == api
        assert list(Graph.load(json.dumps(api)).to_api()) == list(api)
    else:
        with pytest.raises(WorkflowError):
            Graph.from_api(api)
