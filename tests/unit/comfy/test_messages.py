import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.comfy.events import Executed, Failed, Interrupted, Recorded, Started, Succeeded
from orchestrator.comfy.messages import (
    Accepted,
    Queue,
    delete_body,
    interrupt_body,
    prompt_body,
    read_accepted,
    read_history,
    read_queue,
    read_system,
)
from orchestrator.models import ImageRef

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def entry(status: Any, outputs: Any) -> dict[str, Any]:
    return {"ours": {"prompt": [], "outputs": outputs, "status": status, "meta": {}}}


def test_requests() -> None:
    assert prompt_body({"1": {}}, "ours", "me") == {
        "prompt": {"1": {}},
        "prompt_id": "ours",
        "client_id": "me",
    }
    assert delete_body("ours") == {"delete": ["ours"]}
    assert interrupt_body("ours") == {"prompt_id": "ours"}


def test_accepted() -> None:
    body = {"prompt_id": "ours", "number": 3, "node_errors": {"7": {"errors": []}}}
    assert read_accepted(body) == Accepted("ours", {"7": {"errors": []}})
    assert read_accepted({"prompt_id": "ours"}) == Accepted("ours", {})


def test_queue_entries_are_read_by_index() -> None:
    body = {
        "queue_running": [[0, "a", {}, {}, ["9"]]],
        "queue_pending": [[1, "b", {}, {}, ["9"], "new", 3], [-2, "c"]],
    }
    assert read_queue(body) == Queue(running=("a",), pending=("b", "c"))


@pytest.mark.parametrize("read", [read_accepted, read_system, read_queue])
@given(body=JSON)
def test_a_body_of_another_shape_is_an_error(read: Any, body: Any) -> None:
    with pytest.raises(ValueError, match="no "):
        read(body)


@pytest.mark.parametrize("item", [[1], 3, {}, None])
def test_a_queue_entry_without_an_id_is_an_error(item: Any) -> None:
    with pytest.raises(ValueError, match="no prompt id"):
        read_queue({"queue_running": [item], "queue_pending": []})


def test_no_entry_is_no_news_and_another_shape_is_an_error() -> None:
    assert read_history("ours", {}) == ()
    with pytest.raises(ValueError, match="no JSON object"):
        read_history("ours", [])
    with pytest.raises(ValueError, match="no JSON object"):
        read_history("ours", {"ours": "busy"})


def test_the_last_message_tells_interrupted_from_failed() -> None:
    start = ["execution_start", {"timestamp": 1000}]
    end = ["execution_interrupted", {"node_id": "3", "timestamp": 2000}]
    status = {"status_str": "error", "completed": False, "messages": [start, end]}
    assert read_history("ours", entry(status, {})) == (
        Recorded("ours"),
        Started("ours", 1.0),
        Interrupted("ours", "3", 2.0),
    )


@pytest.mark.parametrize(
    ("status", "outputs", "good"),
    [
        (None, {"9": {"images": [{"filename": "a.png"}]}}, True),
        (None, {}, False),
        ({"status_str": "success", "completed": True, "messages": []}, {}, True),
        ({"status_str": "error", "completed": False, "messages": [3, ["?", 1]]}, {"9": {}}, False),
        ({"completed": False, "messages": None}, {}, False),
    ],
)
def test_without_a_telling_message_the_rest_decides(status: Any, outputs: Any, good: bool) -> None:
    *_, end = read_history("ours", entry(status, outputs))
    assert isinstance(end, Succeeded if good else Failed)


def test_outputs_of_all_nodes_are_there() -> None:
    outputs = {
        "9": {"images": [{"filename": "a.png", "subfolder": "s", "type": "output"}]},
        "10": {"text": ["hello"]},
    }
    told = read_history("ours", entry(None, outputs))
    assert told[1:3] == (
        Executed("ours", "9", (ImageRef(node="9", filename="a.png", subfolder="s"),)),
        Executed("ours", "10", ()),
    )


@given(JSON, JSON)
def test_any_entry_has_an_end(status: Any, outputs: Any) -> None:
    body = json.loads(json.dumps(entry(status, outputs)))
    assert read_history("ours", body)[0] == Recorded("ours")
    assert isinstance(read_history("ours", body)[-1], Succeeded | Failed)
