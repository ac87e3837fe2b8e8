import json
import struct
from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.comfy.events import (
    CachedNodes,
    Executed,
    Executing,
    Failed,
    Features,
    Interrupted,
    NodeText,
    Preview,
    Progress,
    Started,
    Status,
    Succeeded,
)
from orchestrator.comfy.frames import decode, read_images
from orchestrator.models import ImageRef

NAMES = (
    "status",
    "execution_start",
    "execution_cached",
    "executing",
    "progress",
    "executed",
    "execution_success",
    "execution_interrupted",
    "execution_error",
)
KEYS = (
    "prompt_id",
    "node",
    "node_id",
    "value",
    "max",
    "nodes",
    "output",
    "timestamp",
    "sid",
    "status",
    "exception_message",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner),
    max_leaves=10,
)


def text(name: str, **data: Any) -> str:
    return json.dumps({"type": name, "data": data})


def test_a_recorded_run_is_read_in_order(recording: Callable[[str], Any]) -> None:
    run = recording("ksampler")
    events = [decode(frame) for frame in run.frames]
    told = [event for event in events if not isinstance(event, Status | Features | None)]
    assert told[0] == Started(run.prompt_id, 1795352700.376)
    assert told[1] == CachedNodes(run.prompt_id, frozenset())
    nodes = [event.node for event in told if isinstance(event, Executing)]
    assert nodes == ["4", "5", "7", "6", "3", "8", "9", None]
    steps = [(event.value, event.maximum) for event in told if isinstance(event, Progress)]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    previews = [event for event in told if isinstance(event, Preview)]
    assert {(p.prompt_id, p.node, p.mime) for p in previews} == {(run.prompt_id, "3", "image/jpeg")}
    assert all(preview.data.startswith(b"\xff\xd8") for preview in previews)
    (executed,) = [event for event in told if isinstance(event, Executed)]
    assert [image.node for image in executed.images] == ["9"]
    assert isinstance(told[-2], Succeeded)


def test_previews_without_the_feature_name_no_prompt(recording: Callable[[str], Any]) -> None:
    events = [decode(frame) for frame in recording("ksampler_plain").frames]
    previews = [event for event in events if isinstance(event, Preview)]
    assert len(previews) == 4
    assert {(p.prompt_id, p.node, p.mime) for p in previews} == {(None, None, "image/jpeg")}


def test_an_error_is_told_without_inputs_and_traceback(recording: Callable[[str], Any]) -> None:
    run = recording("exception")
    (failed,) = [event for event in map(decode, run.frames) if isinstance(event, Failed)]
    assert failed.prompt_id == run.prompt_id
    assert failed.node == "8"
    assert failed.node_type == "VAEDecode"
    assert failed.exception_type == "RuntimeError"
    assert "execution.py" not in repr(failed)


def test_an_interruption_is_told(recording: Callable[[str], Any]) -> None:
    run = recording("interrupted")
    events = [decode(frame) for frame in run.frames]
    assert Interrupted(run.prompt_id, "3", 1795352754.09) in events


def test_the_greeting() -> None:
    frame = text("status", status={"exec_info": {"queue_remaining": 2}}, sid="abc")
    assert decode(frame) == Status(2, "abc")


def test_executing_after_a_reconnect_names_no_prompt() -> None:
    assert decode(text("executing", node="3")) == Executing(None, "3")


def test_text_of_a_node() -> None:
    frame = struct.pack(">II", 3, 2) + b"12" + "25 % …".encode()
    assert decode(frame) == NodeText(None, "12", "25 % …")


def test_a_png_frame() -> None:
    assert decode(struct.pack(">II", 1, 2) + b"png") == Preview(None, None, "image/png", b"png")


def test_an_answer_about_features() -> None:
    assert decode(text("feature_flags", supports_preview_metadata=True)) == Features(True)
    assert decode(text("feature_flags", max_upload_size=1)) == Features(False)


def test_messages_of_no_use_are_passed_over() -> None:
    assert decode(text("crystools.monitor", cpu=3)) is None


def test_a_frame_that_promises_more_than_it_brings() -> None:
    assert decode(struct.pack(">II", 4, 4_000_000_000) + b"{}") is None


def test_only_image_references_count_as_images() -> None:
    good = {"filename": "a.png", "subfolder": "s", "type": "temp"}
    output = {"images": [good, {}, 3, None, {"filename": 3}, {"filename": "b.png", "type": []}]}
    assert read_images("9", output) == (
        ImageRef(node="9", filename="a.png", subfolder="s", type="temp"),
    )
    assert read_images("9", {"text": ["hello"]}) == ()
    assert read_images("9", None) == ()


@given(st.text() | st.binary() | JSON.map(json.dumps))
@example("[" * 100_000)
@example('{"type": "progress", "data": {"value": 1e999, "max": 1, "prompt_id": "a"}}')
@example('{"type": {}, "data": {}}')
def test_no_frame_makes_it_raise(frame: str | bytes) -> None:
    decode(frame)


@given(st.sampled_from(NAMES), JSON | st.dictionaries(st.sampled_from(KEYS), JSON))
def test_no_message_makes_it_raise(name: str, data: Any) -> None:
    decode(json.dumps({"type": name, "data": data}))


@given(
    st.sampled_from([1, 2, 3, 4, 5]), st.integers(0, 2**32 - 1) | st.integers(0, 40), st.binary()
)
def test_no_binary_layout_makes_it_raise(kind: int, length: int, rest: bytes) -> None:
    decode(struct.pack(">II", kind, length) + rest)
    metadata = b'{"prompt_id": "a", "node_id": "3"}'
    decode(struct.pack(">II", kind, len(metadata)) + metadata + rest)
